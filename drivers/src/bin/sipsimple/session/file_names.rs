//! The names of files that begin like what is typed.

use std::path::Path;

/// Names that are looked at in one directory.
const NAMES: usize = 10_000;

/// The files that the name of one may go on to, in order, directories with a `/` behind them. What begins with a dot is found where a dot is typed.
/// Names are typed as they are: a space in one needs no mark before it.
pub(super) fn file_names(typed: &str) -> Vec<String> {
    let split = typed.rfind('/').map_or(0, |place| place + 1);
    let (directory, begun) = typed.split_at(split);
    let place = Path::new(if directory.is_empty() { "." } else { directory });
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten().take(NAMES);
    let mut found: Vec<String> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let shown = name.starts_with(begun) && (begun.starts_with('.') || !name.starts_with('.'));
            // What would break the line cannot be typed.
            let typable = shown && !name.chars().any(char::is_control);
            let slash = if typable && entry.path().is_dir() { "/" } else { "" };
            typable.then(|| format!("{directory}{name}{slash}"))
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_by_how_they_begin() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a picture.jpg", "a tune.wav", "b", ".hidden", "line\nbreak"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        std::fs::create_dir_all(dir.path().join("album/old")).unwrap();
        let at = |name: &str| format!("{}/{name}", dir.path().display());
        assert_eq!(file_names(&at("a")), [at("a picture.jpg"), at("a tune.wav"), at("album/")]);
        assert_eq!(file_names(&at("a t")), [at("a tune.wav")]);
        assert_eq!(file_names(&at("album/")), [at("album/old/")]);
        assert_eq!(file_names(&at(".")), [at(".hidden")]);
        assert_eq!(file_names(&at("")).len(), 4);
        assert!(file_names(&at("nowhere/")).is_empty());
    }
}
