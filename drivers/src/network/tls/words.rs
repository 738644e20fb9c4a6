//! What TLS says of a failure, in words for people: the library's own are those of its source code.

use futures_rustls::rustls::{AlertDescription, CertificateError, Error};

/// What this error says.
pub(super) fn of(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::AlertReceived(alert) => of_alert(*alert),
        Error::NoCertificatesPresented => "the peer showed no certificate".into(),
        Error::InvalidMessage(_) => "the peer does not speak TLS".into(),
        Error::PeerIncompatible(_) => "the peer speaks no version of TLS, or no cipher, that we do".into(),
        Error::PeerMisbehaved(_) | Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            "the peer broke the rules of the handshake".into()
        }
        Error::DecryptError => "what came cannot be decrypted".into(),
        Error::General(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What is wrong with a certificate; the sentence around it says that it is one.
fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::BadEncoding => "it cannot be read",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet",
        CertificateError::Revoked => "it was revoked",
        CertificateError::UnhandledCriticalExtension => "it has an extension that is not understood",
        CertificateError::UnknownIssuer => "it leads to no authority that is trusted",
        CertificateError::BadSignature => "its signature is wrong",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is for another purpose"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "it is for another name",
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its signature is of a kind that is not supported"
        }
        other => return other.to_string(),
    }
    .into()
}

/// What the peer gave as its reason to end the handshake (RFC 8446 section 6.2).
fn of_alert(alert: AlertDescription) -> String {
    let words = match alert {
        AlertDescription::HandshakeFailure => "the peer refused the handshake",
        AlertDescription::UnknownCA | AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => {
            "the peer does not trust our certificate"
        }
        AlertDescription::CertificateExpired => "to the peer our certificate has expired",
        AlertDescription::CertificateRevoked => "to the peer our certificate was revoked",
        AlertDescription::UnsupportedCertificate => "our certificate is of a kind that the peer does not support",
        AlertDescription::CertificateRequired => "the peer wants a certificate of us",
        AlertDescription::ProtocolVersion => "the peer speaks no version of TLS that we do",
        AlertDescription::AccessDenied => "the peer denied access",
        AlertDescription::InternalError => "the peer has an error of its own",
        AlertDescription::UserCanceled => "the peer ended the handshake",
        other => return format!("the peer ended it with alert {}", u8::from(other)),
    };
    words.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sentence has no word of a program's source.
    fn is_plain(words: &str) -> bool {
        words.split(' ').all(|word| {
            let inner = word.trim_start_matches(|letter: char| !letter.is_alphanumeric());
            word == "TLS" || !inner.chars().skip(1).any(char::is_uppercase)
        })
    }

    #[test]
    fn failures_are_told_without_words_of_source_code() {
        use CertificateError::{BadSignature, Expired, NotValidForName, UnknownIssuer};
        for (error, words) in [
            (Error::InvalidCertificate(UnknownIssuer), "it leads to no authority that is trusted"),
            (Error::InvalidCertificate(Expired), "it has expired"),
            (Error::InvalidCertificate(NotValidForName), "it is for another name"),
            (Error::InvalidCertificate(BadSignature), "its signature is wrong"),
            (Error::AlertReceived(AlertDescription::UnknownCA), "the peer does not trust our certificate"),
            (Error::AlertReceived(AlertDescription::NoRenegotiation), "the peer ended it with alert 100"),
            (Error::NoCertificatesPresented, "the peer showed no certificate"),
            (Error::General("the handshake took too long".into()), "the handshake took too long"),
        ] {
            assert_eq!(of(&error), words);
            assert!(is_plain(words), "{words}");
        }
        assert!(!is_plain("invalid peer certificate: UnknownIssuer"));
    }
}
