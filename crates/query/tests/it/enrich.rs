//! What is known of files, beside rows that name them.

use expect_test::expect;

use crate::harness::check;

#[test]
fn files_that_are_known_and_others() {
    check(
        r#"datatable(n:int, SHA1:string) [1, "AA11", 2, "cc33", 3, ""] | invoke FileProfile("SHA1", 1000)
           | project n, SHA1, MD5, GlobalPrevalence, Signer, GlobalFirstSeen | sort by n asc"#,
        expect![[r#"
            n:int | SHA1:string | MD5:string | GlobalPrevalence:int | Signer:string | GlobalFirstSeen:datetime
            1 | AA11 | bb22 | 3 |  | 
            2 | cc33 |  |  |  | 
            3 |  |  |  |  | "#]],
    );
    check(
        r#"datatable(h:string) ["bb22"] | invoke FileProfile(h) | project h, SHA1, GlobalPrevalence"#,
        expect![[r#"
            h:string | SHA1:string | GlobalPrevalence:int
            bb22 |  | 3"#]],
    );
    check(
        r#"print n = 1 | invoke FileProfile(n)"#,
        expect!["error at 1:15: FileProfile() takes a column of strings, not of long"],
    );
    check(
        r#"print n = 1 | invoke FileProfile("SHA1")"#,
        expect!["error at 1:15: 'invoke' operator: Failed to resolve column named 'SHA1'"],
    );
}
