//! `parse_path(path)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use serde_json::{Value, json};

use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static PARSE_PATH: Function = Function {
    name: "parse_path",
    summary: "The parts of a file's path as a bag: Scheme, RootPath, DirectoryPath, DirectoryName, \
              Filename, Extension, AlternateDataStreamName. Windows and Unix paths are taken; parts it \
              lacks are empty.",
    params: &[Param::one("path", Accepts::Text)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print parse_path(@"C:\Users\ann\note.txt:hidden").Filename"#,
            result: "note.txt",
        },
        Example { query: r#"print parse_path(@"C:\Users\ann\note.txt").DirectoryName"#, result: "ann" },
        Example { query: r#"print parse_path("/usr/lib/libc.so.6").DirectoryPath"#, result: "/usr/lib" },
        Example { query: r#"print parse_path("/usr/lib/libc.so.6").Extension"#, result: "6" },
    ],
    lower: |_, args| Ok(call("parse_path", Kind::Dynamic, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let paths = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(parse(paths.text(row)).to_string())))
}

fn parse(path: &str) -> Value {
    let (scheme, path) = path.split_once("://").unwrap_or(("", path));
    // Long paths are marked in front; what follows is a path like others.
    let unmarked = path.strip_prefix(r"\\?\").or_else(|| path.strip_prefix(r"\\.\")).unwrap_or(path);
    let bytes = unmarked.as_bytes();
    let has_drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    let root = if has_drive { &unmarked[..2] } else { "" };

    let (directory, file) = match unmarked.rfind(['\\', '/']) {
        Some(at) => (&unmarked[..at], &unmarked[at + 1..]),
        None => (root, &unmarked[root.len()..]),
    };
    let (file, stream) = file.split_once(':').unwrap_or((file, ""));
    let name = directory.rsplit(['\\', '/']).next().unwrap_or_default();
    let name = if name == root { "" } else { name };
    json!({
        "Scheme": scheme,
        "RootPath": root,
        "DirectoryPath": directory,
        "DirectoryName": name,
        "Filename": file,
        "Extension": file.rsplit_once('.').map_or("", |(_, extension)| extension),
        "AlternateDataStreamName": stream,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths() {
        for (path, scheme, root, directory, name, file, extension, stream) in [
            (r"C:\temp\file.txt", "", "C:", r"C:\temp", "temp", "file.txt", "txt", ""),
            (r"temp\file.txt", "", "", "temp", "temp", "file.txt", "txt", ""),
            (
                "file://C:/temp/file.txt:some.exe",
                "file",
                "C:",
                "C:/temp",
                "temp",
                "file.txt",
                "txt",
                "some.exe",
            ),
            (r"\\shared\users\file.txt.gz", "", "", r"\\shared\users", "users", "file.txt.gz", "gz", ""),
            ("/usr/lib/temp/file", "", "", "/usr/lib/temp", "temp", "file", "", ""),
            (r"\\?\C:\a\b", "", "C:", r"C:\a", "a", "b", "", ""),
            (r"C:\file", "", "C:", "C:", "", "file", "", ""),
            ("C:", "", "C:", "C:", "", "", "", ""),
            ("/", "", "", "", "", "", "", ""),
            ("a.b", "", "", "", "", "a.b", "b", ""),
            ("", "", "", "", "", "", "", ""),
        ] {
            let parsed = parse(path);
            for (key, expected) in [
                ("Scheme", scheme),
                ("RootPath", root),
                ("DirectoryPath", directory),
                ("DirectoryName", name),
                ("Filename", file),
                ("Extension", extension),
                ("AlternateDataStreamName", stream),
            ] {
                assert_eq!(parsed[key], expected, "{key} of {path}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart(path in "[aé:/.\\\\?]{0,12}") {
            let _ = parse(&path);
        }
    }
}
