//! Content of presence, such as a picture of the status (OMA Presence Content XDM): `application/vnd.oma.pres-content+xml`.

use super::xml::name::{OMA_PRES_CONTENT, XML};
use super::xml::record::{document, record};
use super::xml::{Attribute, Element};

record! {
    /// What the content shows.
    #[derive(Default)]
    pub struct Description = OMA_PRES_CONTENT, "description" {
        /// Its language.
        pub language: Option<String> = attribute(XML, "lang"),
        /// The text.
        pub text: String = text,
    }

    /// A document.
    #[derive(Default)]
    pub struct PresContent = OMA_PRES_CONTENT, "content" {
        /// Attributes of extensions.
        pub attributes: Vec<Attribute> = more,
        /// The media type of the content.
        pub mime_type: Option<String> = leaf(OMA_PRES_CONTENT, "mime-type"),
        /// How the data is encoded: `base64`.
        pub encoding: Option<String> = leaf(OMA_PRES_CONTENT, "encoding"),
        /// What it shows.
        pub descriptions: Vec<Description> = node,
        /// The data, as it is encoded.
        pub data: String = leaf(OMA_PRES_CONTENT, "data"),
        /// Elements of extensions.
        pub extensions: Vec<Element> = extensions,
    }
}

document!(PresContent, "application/vnd.oma.pres-content+xml");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::payload::Fault;

    #[test]
    fn a_picture_is_written_and_read() {
        let content = PresContent {
            mime_type: Some("image/png".to_owned()),
            encoding: Some("base64".to_owned()),
            descriptions: vec![Description { language: Some("en".to_owned()), text: "Me".to_owned() }],
            data: "iVBORw0KGgo=".to_owned(),
            ..PresContent::default()
        };
        let text = content.write();
        assert_eq!(
            text,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<content xmlns=\"urn:oma:xml:prs:pres-content\"><mime-type>image/png</mime-type>\
             <encoding>base64</encoding><description xml:lang=\"en\">Me</description><data>iVBORw0KGgo=</data></content>\n"
        );
        assert_eq!(PresContent::parse(text.as_bytes(), &Limits::default()), Ok(content));
        let empty = PresContent::parse(b"<content xmlns='urn:oma:xml:prs:pres-content'/>", &Limits::default());
        assert_eq!(empty.expect_err("no data").fault, Fault::Missing("data"));
    }
}
