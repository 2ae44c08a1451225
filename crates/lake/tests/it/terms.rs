//! The term index: never short of a block, whatever is asked; damage is found; bytes from anywhere are survived.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use expect_test::{Expect, expect};
use lake::{BlockSet, LakeError, Needle, TermIndex, TermIndexBuilder, TextMatch};
use model::Table;
use model::tables::Column;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use proptest::prelude::*;
use proptest::sample::Index;

fn table() -> &'static Table {
    model::tables::find("DeviceProcessEvents").unwrap()
}

fn column(name: &str) -> &'static Column {
    &table().columns[table().position(name).unwrap()]
}

/// Rows of two columns: one that is looked up by its whole value, and one of text.
type Rows<'a> = [(&'a str, &'a str)];

fn batch(rows: &Rows<'_>) -> RecordBatch {
    let names: StringViewArray = rows.iter().map(|(name, _)| Some(*name)).collect();
    let lines: StringViewArray = rows.iter().map(|(_, line)| Some(*line)).collect();
    let columns =
        [("FileName", Arc::new(names) as ArrayRef), ("ProcessCommandLine", Arc::new(lines) as ArrayRef)];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn build(rows: &Rows<'_>, rows_per_block: u32) -> Bytes {
    let mut builder = TermIndexBuilder::new(rows_per_block);
    for block in rows.chunks(rows_per_block as usize) {
        builder.add_block(table(), &batch(block)).unwrap();
    }
    builder.finish()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// An index that is where its bytes are.
fn open(bytes: Bytes) -> Result<TermIndex, LakeError> {
    block_on(async {
        let store = Arc::new(InMemory::new());
        store.put(&Path::from("index"), bytes.into()).await.unwrap();
        TermIndex::open(store as Arc<dyn ObjectStore>, "index").await
    })
}

fn find(index: &TermIndex, of: &str, condition: TextMatch<'_>) -> Option<BlockSet> {
    Needle::new(column(of), condition).map(|needle| block_on(index.find(&needle)).unwrap())
}

/// Blocks that the index names for conditions on the rows, a block for each row.
#[track_caller]
fn check(rows: &Rows<'_>, asked: &[(&str, TextMatch<'_>)], expected: Expect) {
    let index = open(build(rows, 1)).unwrap();
    let mut shown = String::new();
    for (of, condition) in asked {
        let found = match find(&index, of, *condition) {
            Some(found) => format!("{:?}", found.iter().collect::<Vec<_>>()),
            None => "unknown".to_owned(),
        };
        writeln!(shown, "{of} {condition:?}: {found}").unwrap();
    }
    expected.assert_eq(&shown);
}

#[test]
fn conditions_name_blocks() {
    use TextMatch::*;
    let rows = [
        ("cmd.exe", "C:\\Windows\\cmd.exe /c whoami"),
        ("powershell.exe", "powershell -enc SQBFAFgA"),
        ("sh", "die GRÖẞE ist 10.0.0.5"),
        ("", ""),
        ("a b", "windows update ΟΔΟΣ.Α"),
    ];
    let line = "ProcessCommandLine";
    check(
        &rows,
        &[
            (line, Has("WHOAMI")),
            (line, Has("whoam")),
            (line, Has("cmd.exe /C")),
            (line, Has("größe")),
            (line, Has("οδοσ")),
            (line, Has("ΟΔΟΣ")),
            (line, Has("10.0.0.5")),
            (line, Has("")),
            (line, HasPrefix("whoam")),
            (line, HasPrefix("windows upd")),
            (line, HasSuffix("dows update")),
            (line, Contains("xx windows xx")),
            (line, Contains("a whoami b")),
            (line, Contains("whoami")),
            (line, StartsWith("powershell -e")),
            (line, EndsWith("l -enc SQBFAFgA")),
            (line, Equals("powershell -enc SQBFAFgA")),
            (line, Equals("powershell -enc other")),
            ("FileName", Equals("CMD.EXE")),
            ("FileName", Equals("cmd")),
            ("FileName", Equals("sh")),
            ("FileName", Equals("a b")),
            ("FileName", Equals("")),
            ("FileName", Has("exe")),
            ("ProcessId", Equals("12345")),
        ],
        expect![[r#"
            ProcessCommandLine Has("WHOAMI"): [0]
            ProcessCommandLine Has("whoam"): []
            ProcessCommandLine Has("cmd.exe /C"): [0]
            ProcessCommandLine Has("größe"): [2]
            ProcessCommandLine Has("οδοσ"): [4]
            ProcessCommandLine Has("ΟΔΟΣ"): [4]
            ProcessCommandLine Has("10.0.0.5"): unknown
            ProcessCommandLine Has(""): unknown
            ProcessCommandLine HasPrefix("whoam"): unknown
            ProcessCommandLine HasPrefix("windows upd"): [0, 4]
            ProcessCommandLine HasSuffix("dows update"): [4]
            ProcessCommandLine Contains("xx windows xx"): [0, 4]
            ProcessCommandLine Contains("a whoami b"): [0]
            ProcessCommandLine Contains("whoami"): unknown
            ProcessCommandLine StartsWith("powershell -e"): [1]
            ProcessCommandLine EndsWith("l -enc SQBFAFgA"): [1]
            ProcessCommandLine Equals("powershell -enc SQBFAFgA"): [1]
            ProcessCommandLine Equals("powershell -enc other"): []
            FileName Equals("CMD.EXE"): [0]
            FileName Equals("cmd"): [0]
            FileName Equals("sh"): [2]
            FileName Equals("a b"): [4]
            FileName Equals(""): unknown
            FileName Has("exe"): [0, 1]
            ProcessId Equals("12345"): unknown
        "#]],
    );
}

#[test]
fn a_term_is_in_as_many_blocks_as_it_is() {
    const BLOCKS: usize = 40;
    let lines: Vec<String> = (0..BLOCKS)
        .map(|block| {
            (1..=BLOCKS).filter(|every| block % every == 0).map(|every| format!("every{every} ")).collect()
        })
        .collect();
    let rows: Vec<(&str, &str)> = lines.iter().map(|line| ("", line.as_str())).collect();
    let index = open(build(&rows, 1)).unwrap();
    for every in 1..=BLOCKS {
        let found = find(&index, "ProcessCommandLine", TextMatch::Has(&format!("every{every}"))).unwrap();
        let held: Vec<u32> = (0..BLOCKS as u32).step_by(every).collect();
        // More than half is not told from all.
        let expected = if held.len() > BLOCKS / 2 { (0..BLOCKS as u32).collect() } else { held };
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "every {every}");
    }
}

/// What the language says, in the plainest way.
fn holds(condition: TextMatch<'_>, text: &str, ignore_case: bool) -> bool {
    let fold = |text: &str| if ignore_case { text.to_lowercase() } else { text.to_owned() };
    let text = fold(text);
    let at_terms = |value: &str, before: bool, after: bool| {
        let value = fold(value);
        let begins = value.chars().next().is_some_and(char::is_alphanumeric);
        let ends = value.chars().next_back().is_some_and(char::is_alphanumeric);
        let places = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        places.filter(|at| text[*at..].starts_with(&value)).any(|at| {
            let is_term = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
            let goes_on_before = before && begins && is_term(text[..at].chars().next_back());
            let goes_on_after = after && ends && is_term(text[at + value.len()..].chars().next());
            !goes_on_before && !goes_on_after
        })
    };
    match condition {
        TextMatch::Equals(value) => text == fold(value),
        TextMatch::Has(value) => at_terms(value, true, true),
        TextMatch::HasPrefix(value) => at_terms(value, true, false),
        TextMatch::HasSuffix(value) => at_terms(value, false, true),
        TextMatch::Contains(value) => text.contains(&fold(value)),
        TextMatch::StartsWith(value) => text.starts_with(&fold(value)),
        TextMatch::EndsWith(value) => text.ends_with(&fold(value)),
    }
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "[a-cA-C0-1 ._\\\\-]{0,24}",
        2 => "(C:\\\\(Windows|Users)\\\\)?[a-z]{1,9}\\.(exe|ps1) (-[a-z]{1,6} ){0,3}[0-9a-f]{8}",
        1 => "[abßẞİıΣςσǅÖöéÉ٣Ⅷ日本. ]{0,12}",
        1 => "\\PC{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Conditions are made of the rows' own text, and of text that is nowhere.
    #[test]
    fn no_block_that_holds_a_row_is_missing(
        rows in proptest::collection::vec((texts(), texts()), 1..40),
        rows_per_block in 1u32..12,
        picks in proptest::collection::vec((any::<Index>(), any::<Index>(), any::<Index>()), 1..20),
        stranger in texts(),
    ) {
        let refs: Vec<(&str, &str)> = rows.iter().map(|(name, line)| (name.as_str(), line.as_str())).collect();
        let index = open(build(&refs, rows_per_block)).unwrap();
        prop_assert_eq!(index.rows(), rows.len() as u64);
        let pieces = picks.iter().map(|(row, from, to)| {
            let text = &rows[row.index(rows.len())];
            let text = if from.index(2) == 0 { &text.0 } else { &text.1 };
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let (from, to) = (places[from.index(places.len())], places[to.index(places.len())]);
            text[from.min(to)..from.max(to)].to_owned()
        });
        let mut values: BTreeSet<String> = pieces.collect();
        values.insert(stranger);
        values.extend(rows.iter().take(3).flat_map(|(name, line)| [name.clone(), line.clone()]));
        for value in &values {
            for value in [value.clone(), value.to_uppercase(), value.to_lowercase()] {
                for condition in [
                    TextMatch::Equals(&value), TextMatch::Has(&value), TextMatch::HasPrefix(&value),
                    TextMatch::HasSuffix(&value), TextMatch::Contains(&value), TextMatch::StartsWith(&value),
                    TextMatch::EndsWith(&value),
                ] {
                    for (of, at) in [("FileName", 0), ("ProcessCommandLine", 1)] {
                        let Some(found) = find(&index, of, condition) else { continue };
                        for (row, (name, line)) in rows.iter().enumerate() {
                            let text = if at == 0 { name } else { line };
                            let is_held = holds(condition, text, true) || holds(condition, text, false);
                            let block = row as u32 / rows_per_block;
                            prop_assert!(!is_held || found.contains(block), "{condition:?} {text:?} {block}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_of_anyone_are_refused_or_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200), marked in any::<bool>()) {
        let mut bytes = bytes;
        if marked {
            bytes.splice(0..bytes.len().min(4), *b"BZT1");
        }
        prop_assert!(open(bytes.into()).is_err());
    }
}

/// Terms that are each in one block.
fn distinct_rows(rows: usize, terms: usize) -> Vec<String> {
    (0..rows).map(|row| (0..terms).map(|term| format!("t{:x} ", row * terms + term)).collect()).collect()
}

#[test]
fn every_flipped_bit_is_found() {
    let lines = distinct_rows(20, 15);
    let rows: Vec<(&str, &str)> = lines.iter().map(|line| ("", line.as_str())).collect();
    let bytes = build(&rows, 2);
    let asked = Needle::new(column("ProcessCommandLine"), TextMatch::Has("t10")).unwrap();
    let right = block_on(open(bytes.clone()).unwrap().find(&asked)).unwrap();
    assert_eq!(right.len(), 1);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = open(flipped.into()).and_then(|index| block_on(index.find(&asked)));
        let error = found.expect_err("the index has one page, and it is read");
        assert!(error.to_string().contains("term index of index"), "{error}");
    }
}

#[test]
fn damage_is_named() {
    let lines = distinct_rows(100, 100);
    let rows: Vec<(&str, &str)> = lines.iter().map(|line| ("", line.as_str())).collect();
    let bytes = build(&rows, 10).to_vec();
    let error = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = bytes.clone();
        change(&mut changed);
        let asked =
            |term: usize| Needle::new(column("ProcessCommandLine"), TextMatch::Has(&format!("t{term:x}")));
        let found = open(changed.into()).and_then(|index| {
            (100..200).try_for_each(|term| block_on(index.find(&asked(term).unwrap())).map(drop))
        });
        found.err().map_or("no error".to_owned(), |error| error.to_string())
    };
    let last = bytes.len() - 1;
    let shown = [
        error(&|_| ()),
        error(&|bytes| bytes[3] = b'2'),
        error(&|bytes| bytes[5] = 9),
        error(&|bytes| bytes[20] = 9),
        error(&|bytes| bytes[last] ^= 1),
        error(&|bytes| bytes.truncate(30)),
        error(&|bytes| bytes.truncate(2)),
        error(&|bytes| bytes.truncate(last)),
    ];
    expect![[r#"
        no error
        the term index of index cannot be used: it does not begin as a term index of this version
        the term index of index cannot be used: the head's checksum is wrong
        the term index of index cannot be used: the head's checksum is wrong
        the term index of index cannot be used: the checksum of page 4 is wrong
        the term index of index cannot be used: the file is cut off inside the head
        the term index of index cannot be used: the file is cut off
        the term index of index cannot be used: the checksum of page 4 is wrong"#]]
    .assert_eq(&shown.join("\n"));
}

#[test]
fn every_cut_is_found() {
    let lines = distinct_rows(20, 15);
    let rows: Vec<(&str, &str)> = lines.iter().map(|line| ("", line.as_str())).collect();
    let bytes = build(&rows, 2);
    let asked = Needle::new(column("ProcessCommandLine"), TextMatch::Has("t10")).unwrap();
    for length in 0..bytes.len() {
        let found = open(bytes.slice(..length)).and_then(|index| block_on(index.find(&asked)));
        assert!(found.is_err(), "{length}");
    }
}

#[test]
fn terms_that_are_nowhere_cost_few_blocks_and_terms_few_bits() {
    let lines = distinct_rows(400, 250);
    let rows: Vec<(&str, &str)> = lines.iter().map(|line| ("", line.as_str())).collect();
    let bytes = build(&rows, 10);
    let index = open(bytes.clone()).unwrap();
    assert_eq!((index.blocks(), index.terms()), (40, 100_000 - 16), "the shortest are no terms");
    let asked = 5_000;
    let blocks: u32 = (0..asked)
        .map(|term| {
            find(&index, "ProcessCommandLine", TextMatch::Has(&format!("absent{term}"))).unwrap().len()
        })
        .sum();
    // One of 128 is expected.
    assert!(blocks < asked / 64, "{blocks} blocks for {asked} terms");
    let bits = bytes.len() * 8 / 100_000;
    assert!(bits <= 14, "{bits} bits a term");
}

#[test]
fn columns_without_text_cost_nothing() {
    let empty = vec![("", ""); 10_000];
    let same = vec![("cmd.exe", "same words in every row"); 10_000];
    for (rows, terms) in [(&empty, 0), (&same, 7)] {
        let bytes = build(rows, 100);
        let index = open(bytes.clone()).unwrap();
        assert_eq!(index.terms(), terms);
        assert!(bytes.len() < 200, "{} bytes", bytes.len());
    }
}

#[test]
fn a_block_of_too_many_terms_is_read_for_every_term() {
    let huge = (0..(1 << 21) + 100).fold(String::new(), |mut line, term| {
        write!(line, "u{term:x} ").unwrap();
        line
    });
    let rows = [("", "before"), ("", &huge), ("", "behind")];
    let index = open(build(&rows, 1)).unwrap();
    let found = |term| {
        let found = find(&index, "ProcessCommandLine", TextMatch::Has(term)).unwrap();
        found.iter().collect::<Vec<_>>()
    };
    assert_eq!(found("before"), [0, 1]);
    assert_eq!(found("u1fffff"), [1]);
    assert_eq!(found("nowhere"), [1]);
    assert_eq!(found("behind"), [1, 2]);
}

#[test]
fn blocks_have_to_follow_each_other_whole() {
    let row = ("", "text");
    let mut builder = TermIndexBuilder::new(2);
    assert!(builder.add_block(table(), &batch(&[row; 3])).is_err(), "too many rows");
    assert!(builder.add_block(table(), &batch(&[])).is_err(), "none");
    builder.add_block(table(), &batch(&[row; 2])).unwrap();
    builder.add_block(table(), &batch(&[row; 1])).unwrap();
    let error = builder.add_block(table(), &batch(&[row; 2])).unwrap_err();
    assert!(error.to_string().contains("each but the last has 2"), "{error}");
    let index = open(builder.finish()).unwrap();
    assert_eq!((index.rows(), index.rows_per_block(), index.blocks()), (3, 2, 2));
}

fn hex(bytes: &[u8]) -> String {
    let line = |line: &[u8]| line.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    bytes.chunks(16).map(line).collect::<Vec<_>>().join("\n")
}

const LAYOUT_ROWS: [(&str, &str); 3] =
    [("cmd.exe", "whoami"), ("sh", "Größe whoami"), ("cmd.exe", "net user")];

/// The layout is what files on disk have: a change of these bytes needs another mark at their start, unless the head
/// says how to read them.
#[test]
fn the_layout_stays() {
    expect![[r#"
        42 5a 54 31 35 00 00 00 03 00 00 00 00 00 00 00
        01 00 00 00 03 00 00 00 01 00 00 00 12 0f 00 00
        08 00 00 00 00 00 00 00 00 35 00 00 00 51 00 00
        00 03 a0 a0 4c 08 00 00 00 0e da 15 09 92 3c 1f
        6d 76 31 8a 82 f7 cb c4 fe 6a 82 36 08 29 c5 c6
        78"#]]
    .assert_eq(&hex(&build(&LAYOUT_ROWS, 1)));
}

#[test]
fn an_index_with_shorter_fingerprints_is_read() {
    let of_before = "42 5a 54 31 35 00 00 00 03 00 00 00 00 00 00 00 \
        01 00 00 00 03 00 00 00 01 00 00 00 10 0d 00 00 \
        08 00 00 00 00 00 00 00 00 35 00 00 00 4f 00 00 \
        00 5e f7 6c d2 08 00 00 00 82 76 95 20 e9 7c 54 \
        76 b1 a2 60 bf 4c f4 ab 79 36 08 17 c2 99 b0";
    let bytes: Vec<u8> = of_before.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    let index = open(bytes.into()).unwrap();
    assert_eq!((index.rows(), index.blocks(), index.terms()), (3, 3, 8));
    for (term, blocks) in
        [("whoami", vec![0, 1, 2]), ("größe", vec![1]), ("net", vec![2]), ("absent", vec![])]
    {
        let found = find(&index, "ProcessCommandLine", TextMatch::Has(term)).unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), blocks, "{term}");
    }
}
