//! Operators of the tabular language: query text to rows.

use expect_test::expect;

use crate::harness::check;

#[test]
fn mv_expand_gives_a_row_for_each_element() {
    check(
        "let T = datatable(a:long, d:dynamic)[1, dynamic([1,'x',null]), 2, dynamic({'k':1,'l':[2]}), 3, dynamic(null), 4, dynamic([]), 5, dynamic(7)]; T | mv-expand d | sort by a asc",
        expect![[r#"
            a:long | d:dynamic
            1 | 1
            1 | x
            1 | 
            2 | {"k":1}
            2 | {"l":[2]}
            3 | 
            5 | 7"#]],
    );
    check(
        "let T = datatable(a:long, d:dynamic)[1, dynamic([1,'x',2.5]), 2, dynamic({'k':1})]; T | mv-expand with_itemindex=i x = d to typeof(long) | sort by a asc, i asc",
        expect![[r#"
            a:long | d:dynamic | x:long | i:long
            1 | [1,"x",2.5] | 1 | 0
            1 | [1,"x",2.5] |  | 1
            1 | [1,"x",2.5] | 2 | 2
            2 | {"k":1} |  | 0"#]],
    );
    check(
        "let T = datatable(a:long, d:dynamic)[2, dynamic({'k':1,'l':[2]})]; T | mv-expand kind=array d",
        expect![[r#"
            a:long | d:dynamic
            2 | ["k",1]
            2 | ["l",[2]]"#]],
    );
    check(
        "print a = dynamic([1,2,3]), b = dynamic(['x']) | mv-expand a to typeof(int), b to typeof(string), c = a",
        expect![[r#"
            a:int | b:string | c:dynamic
            1 | x | 1
            2 |  | 2
            3 |  | 3"#]],
    );
    check(
        "print d = dynamic({'items':[1,2,3]}) | mv-expand d.items limit 2 | project d_items",
        expect![[r#"
        d_items:dynamic
        1
        2"#]],
    );
    check(
        "print d = range(1, 300, 1) | mvexpand d | count",
        expect![[r#"
        Count:long
        128"#]],
    );
    check(
        "print s = 'a,b' | mv-expand s",
        expect![
            "error at 1:29: 'mv-expand' operator: expands a dynamic, not a string; use parse_json() or split()"
        ],
    );
}

#[test]
fn mv_apply_runs_its_operators_on_each_row() {
    check(
        "let T = datatable(a:string, d:dynamic)['p', dynamic([3,1,2]), 'q', dynamic([5]), 'r', dynamic([])]; T | mv-apply x = d to typeof(long) on (top 2 by x) | sort by a asc, x asc",
        expect![[r#"
            a:string | d:dynamic | x:long
            p | [3,1,2] | 2
            p | [3,1,2] | 3
            q | [5] | 5"#]],
    );
    check(
        "let T = datatable(a:string, d:dynamic)['p', dynamic([3,1,2]), 'q', dynamic([5])]; T | mv-apply x = d to typeof(long) on (summarize s = sum(x), n = count()) | sort by a asc",
        expect![[r#"
            a:string | d:dynamic | s:long | n:long
            p | [3,1,2] | 6 | 3
            q | [5] | 5 | 1"#]],
    );
    check(
        "let T = datatable(a:string, d:dynamic)['p', dynamic([{'n':'x','v':1},{'n':'y','v':2}]), 'q', dynamic([{'n':'x','v':9}])]; T | mv-apply d on (where d.n == 'x' | project v = tolong(d.v)) | sort by a asc",
        expect![[r#"
            a:string | v:long
            p | 1
            q | 9"#]],
    );
    check(
        "let T = datatable(a:string, d:dynamic)['p', dynamic([1,1,2]), 'q', dynamic([1])]; T | mv-apply with_itemindex=i x = d to typeof(long) on (distinct x) | sort by a asc, x asc",
        expect![[r#"
            a:string | d:dynamic | x:long
            p | [1,1,2] | 1
            p | [1,1,2] | 2
            q | [1] | 1"#]],
    );
    check(
        "let T = datatable(a:string, d:dynamic)['p', dynamic([[1,2],[3]]), 'q', dynamic([[4]])]; T | mv-apply x = d on (mv-apply y = x to typeof(long) on (summarize m = max(y)) | summarize s = sum(m)) | sort by a asc",
        expect![[r#"
            a:string | d:dynamic | s:long
            p | [[1,2],[3]] | 5
            q | [[4]] | 4"#]],
    );
    check(
        "let T = datatable(a:string, d:dynamic)['p', dynamic([3,1,2]), 'q', dynamic([5])]; T | partition by a (top 1 by a | mv-apply x = d to typeof(long) on (take 1 | count)) | sort by a asc",
        expect![[r#"
            a:string | d:dynamic | Count:long
            p | [3,1,2] | 1
            q | [5] | 1"#]],
    );
    check(
        "print d = dynamic([1]) | mv-apply x = d on (union DeviceInfo)",
        expect!["error at 1:45: 'union' operator: cannot be used on groups of rows"],
    );
}

#[test]
fn partition_runs_its_operators_on_each_value() {
    check(
        "datatable(a:string, b:long)['p',1,'p',3,'q',2,'q',1] | partition by a (top 1 by b) | sort by a asc",
        expect![[r#"
            a:string | b:long
            p | 3
            q | 2"#]],
    );
    check(
        "datatable(a:string, b:long)['p',1,'p',3,'q',2] | partition hint.strategy=native by a (summarize s = sum(b), n = count() | extend t = s + n) | sort by s asc",
        expect![[r#"
            s:long | n:long | t:long
            2 | 1 | 3
            4 | 2 | 6"#]],
    );
}

#[test]
fn parse_takes_texts_apart() {
    check(
        "print t = 'Event: id=17, name=cmd.exe; at=2024-05-06T10:00:00Z rest' | parse t with * 'id=' id:long ', name=' name ';' * 'at=' at:datetime ' ' * | project-away t",
        expect![[r#"
            id:long | name:string | at:datetime
            17 | cmd.exe | 2024-05-06T10:00:00.0000000Z"#]],
    );
    check(
        "print t = 'a=x, b=2' | parse t with 'a=' a:long ', b=' b:long | project a, b",
        expect![[r#"
        a:long | b:long
         | "#]],
    );
    check(
        "print t = 'a=x, b=2' | parse kind=relaxed t with 'a=' a:long ', b=' b:long | project a, b",
        expect![[r#"
            a:long | b:long
             | 2"#]],
    );
    check(
        "print t = 'one,two,three' | parse kind=regex t with a ',' b | project a, b",
        expect![[r#"
        a:string | b:string
        one,two | three"#]],
    );
    check(
        "print t = 'one,two,three' | parse kind=regex flags=U t with a ',' b | project a, b",
        expect![[r#"
        a:string | b:string
        one | two,three"#]],
    );
    check(
        r#"print t = 'x12y(3)' | parse kind=regex flags=i t with 'X(1|2)+' 'Y\\(' n:int '\\)' | project n"#,
        expect![[r#"
            n:int
            3"#]],
    );
    check(
        "datatable(t:string)['k=1','nothing','k=2'] | parse-where t with 'k=' k:int | project k | sort by k asc",
        expect![[r#"
            k:int
            1
            2"#]],
    );
    check(
        "datatable(t:string)['k=1','nothing'] | parse t with 'k=' k:int | sort by t asc",
        expect![[r#"
        t:string | k:int
        k=1 | 1
        nothing | "#]],
    );
    check(
        "print t = 'x' | parse kind=regex flags=q t with a",
        expect!["error at 1:17: 'parse' operator: unknown flag `q`; there are U, i, m and s"],
    );
}

#[test]
fn parse_kv_finds_pairs() {
    check(
        r#"print t = 'src=10.1.1.1 dst=(10.1 1) bytes=125 note="a \\"b"' | parse-kv t as (src:string, bytes:long, dst:string, none:string) with (pair_delimiter=' ', kv_delimiter='=', quote='()') | project-away t"#,
        expect![[r#"
            src:string | bytes:long | dst:string | none:string
            10.1.1.1 | 125 | 10.1 1 | "#]],
    );
    check(
        "print t = '[I] ThreadId:458, Machine:Node001, Text: Started' | parse-kv t as (Text:string, ThreadId:long, Machine:string) | project-away t",
        expect![[r#"
            Text:string | ThreadId:long | Machine:string
            Started | 458 | Node001"#]],
    );
    check(
        "print t = 'n=John Doe c=New York' | parse-kv t as (n:string, c:string) with (pair_delimiter=' ', kv_delimiter='=', greedy=true) | project-away t",
        expect![[r#"
            n:string | c:string
            John Doe | New York"#]],
    );
    check(
        r#"print t = '"a": "1", "b": "2"' | parse-kv t as (a:int, b:int) with (regex='"(\\w)": "(\\d)"') | project-away t"#,
        expect![[r#"
            a:int | b:int
            1 | 2"#]],
    );
}

#[test]
fn lookup_adds_columns_of_another_table() {
    check(
        "let F = datatable(k:long, a:string)[1,'x',2,'y',3,'z']; let D = datatable(k:long, a:string, n:string)[1,'1','one',2,'2','two']; F | lookup D on k | sort by k asc",
        expect![[r#"
            k:long | a:string | a1:string | n:string
            1 | x | 1 | one
            2 | y | 2 | two
            3 | z |  | "#]],
    );
    check(
        "let F = datatable(k:long, a:string)[1,'x',3,'z']; let D = datatable(id:long, n:string)[1,'one']; F | lookup kind=inner D on $left.k == $right.id",
        expect![[r#"
            k:long | a:string | n:string
            1 | x | one"#]],
    );
}

#[test]
fn names_of_joined_columns() {
    check(
        "let A = datatable(a:string, b:long)['x',1]; let B = datatable(a:string, a1:string, b:long)['x','y',2]; A | join kind=inner B on a",
        expect![[r#"
            a:string | b:long | a2:string | a1:string | b1:long
            x | 1 | x | y | 2"#]],
    );
}

#[test]
fn getschema_and_assert_schema() {
    check(
        "print a = 1, b = 'x', c = now(), d = dynamic(null) | getschema",
        expect![[r#"
        ColumnName:string | ColumnOrdinal:long | DataType:string | ColumnType:string
        a | 0 | System.Int64 | long
        b | 1 | System.String | string
        c | 2 | System.DateTime | datetime
        d | 3 | System.Object | dynamic"#]],
    );
    check(
        "print a = 1 | assert-schema (a: long)",
        expect![[r#"
        a:long
        1"#]],
    );
    check(
        "print a = 1 | assert-schema (a: string, b: long)",
        expect![
            "error at 1:15: 'assert-schema' operator: the columns are (a: long), not (a: string, b: long)"
        ],
    );
}

#[test]
fn project_by_names_takes_values() {
    check(
        "print Name = 'x', City = 'y', Country = 'z' | project-by-names 'C*', dynamic(['Name', 'none'])",
        expect![[r#"
            City:string | Country:string | Name:string
            y | z | x"#]],
    );
}

#[test]
fn the_most_frequent_and_greatest() {
    check(
        "datatable(a:string, n:long)['p',1,'q',5,'p',1,'r',2,'p',1] | top-hitters 2 of a",
        expect![[r#"
        a:string | approximate_count_a:long
        p | 3
        q | 1"#]],
    );
    check(
        "datatable(a:string, n:long)['p',1,'q',5,'p',1,'r',2] | top-hitters 1 of a by n",
        expect![[r#"
        a:string | approximate_sum_n:long
        q | 5"#]],
    );
    check(
        "datatable(a:string, n:long)['p',1,'p',2,'q',1] | sample-distinct 5 of a | sort by a asc",
        expect![[r#"
            a:string
            p
            q"#]],
    );
    check(
        "datatable(a:string, b:string, n:long)['p','x',1,'p','y',5,'q','x',2,'q','z',1,'r','x',1] | top-nested 2 of a by s = sum(n), top-nested 1 of b by max(n) | sort by a asc",
        expect![[r#"
            a:string | s:long | b:string | aggregated_b:long
            p | 5 | y | 5
            q | 2 | x | 2"#]],
    );
    check(
        "datatable(a:string, n:long)['p',1,'q',5,'r',2] | top-nested 1 of a with others = 'rest' by sum(n) | sort by a asc",
        expect![[r#"
            a:string | aggregated_a:long
            q | 5
            rest | 3"#]],
    );
}

#[test]
fn make_series_fills_its_axis() {
    check(
        "datatable(t:datetime, k:string, v:long)[datetime(2024-05-01T01:00),'a',1, datetime(2024-05-01T20:00),'a',2, datetime(2024-05-03),'a',4, datetime(2024-05-02),'b',8] | make-series s = sum(v), n = count() default=-1 on t from datetime(2024-05-01) to datetime(2024-05-04) step 1d by k | sort by k asc",
        expect![[r#"
            k:string | s:dynamic | n:dynamic | t:dynamic
            a | [3,0,4] | [2,-1,1] | ["2024-05-01T00:00:00.0000000Z","2024-05-02T00:00:00.0000000Z","2024-05-03T00:00:00.0000000Z"]
            b | [0,8,0] | [-1,1,-1] | ["2024-05-01T00:00:00.0000000Z","2024-05-02T00:00:00.0000000Z","2024-05-03T00:00:00.0000000Z"]"#]],
    );
    check(
        "datatable(t:datetime, v:long)[datetime(2024-05-01T01:00),1, datetime(2024-05-03T05:00),4] | make-series avg(v) on t step 1d",
        expect![[r#"
            avg_v:dynamic | t:dynamic
            [1.0,0.0,4.0] | ["2024-05-01T00:00:00.0000000Z","2024-05-02T00:00:00.0000000Z","2024-05-03T00:00:00.0000000Z"]"#]],
    );
    check(
        "datatable(x:real, v:long)[0.5,1, 1.75,4] | make-series count() on x from 0.0 to 2.0 step 0.5",
        expect![[r#"
            count_:dynamic | x:dynamic
            [0,1,0,1] | [0.0,0.5,1.0,1.5]"#]],
    );
    check(
        "datatable(t:datetime, v:long)[] | make-series count() on t from datetime(2024-05-01) to datetime(2024-05-02) step 12h",
        expect!["count_:dynamic | t:dynamic"],
    );
    check(
        "datatable(t:datetime, v:long)[] | make-series kind=nonempty count() on t from datetime(2024-05-01) to datetime(2024-05-02) step 12h",
        expect![[r#"
            count_:dynamic | t:dynamic
            [0,0] | ["2024-05-01T00:00:00.0000000Z","2024-05-01T12:00:00.0000000Z"]"#]],
    );
    check(
        "DeviceInfo | make-series count() on Timestamp from datetime(1900-01-01) to datetime(2024-05-02) step 1s",
        expect!["error at 1:14: 'make-series' operator: a series has at most 1048576 elements"],
    );
}

#[test]
fn search_and_find() {
    check(
        "search in (DeviceProcessEvents, DeviceNetworkEvents) 'powershell.exe' | project $table, Timestamp, FileName",
        expect![[r#"
            $table:string | Timestamp:datetime | FileName:string
            DeviceProcessEvents | 2024-05-06T10:00:00.1234567Z | powershell.exe
            DeviceProcessEvents | 2024-05-06T11:00:00.0000000Z | PowerShell.exe"#]],
    );
    check(
        "search in (DeviceProcessEvents, DeviceNetworkEvents) FileName : 'cmd*' or RemotePort == 443 | project $table, FileName, RemotePort | sort by $table asc",
        expect![[r#"
            $table:string | FileName:string | RemotePort:int
            DeviceNetworkEvents |  | 443
            DeviceProcessEvents | cmd.exe | "#]],
    );
    check(
        "DeviceProcessEvents | search kind=case_sensitive 'PowerShell' | project $table, FileName",
        expect![[r#"
            $table:string | FileName:string
            search_arg0 | PowerShell.exe"#]],
    );
    check(
        "find in (DeviceProcessEvents, DeviceNetworkEvents) where RemotePort == 80 project DeviceName, RemoteIP",
        expect![[r#"
            source_:string | DeviceName:string | RemoteIP:string
            DeviceNetworkEvents | pc1.corp | 198.51.100.8"#]],
    );
    check(
        "find withsource=S in (DeviceProcessEvents) where FileName == 'bash' project FileName | project S, FileName",
        expect![[r#"
            S:string | FileName:string
            DeviceProcessEvents | bash"#]],
    );
    check("search nope == 1", expect!["error at 1:8: Failed to resolve scalar expression named 'nope'"]);
}

#[test]
fn plugins() {
    check(
        "datatable(a:long, d:dynamic)[1, dynamic({'y':1,'x':'s'}), 2, dynamic({'y':2.5,'z':[1]}), 3, dynamic(5)] | evaluate bag_unpack(d) | sort by a asc",
        expect![[r#"
            a:long | x:string | y:real | z:dynamic
            1 | s | 1.0 | 
            2 |  | 2.5 | [1]
            3 |  |  | "#]],
    );
    check(
        "print a = 1, d = dynamic({'a':2,'b':3}) | evaluate bag_unpack(d)",
        expect![
            "error at 1:43: bag_unpack(): there is a column 'a' already; give a prefix as the second argument"
        ],
    );
    check(
        "print a = 1, d = dynamic({'a':2,'b':3}) | evaluate bag_unpack(d, 'd_')",
        expect![[r#"
        a:long | d_a:long | d_b:long
        1 | 2 | 3"#]],
    );
    check(
        "print a = 1, d = dynamic({'a':2,'b':3}) | evaluate bag_unpack(d, columnsConflict='replace_source', ignoredProperties=dynamic(['b']))",
        expect![[r#"
            a:long
            2"#]],
    );
    check(
        "print a = 1, d = dynamic({'b':3}) | evaluate bag_unpack(d) : (*, b:string, c:long)",
        expect![[r#"
        a:long | b:string | c:long
        1 | 3 | "#]],
    );
    check(
        "datatable(a:string, b:string, n:long)['p','x',1,'p','y',5,'q','x',2] | evaluate pivot(b, sum(n), a) | sort by a asc",
        expect![[r#"
            a:string | x:long | y:long
            p | 1 | 5
            q | 2 | 0"#]],
    );
    check(
        "datatable(a:string, b:string)['p','x','p','x','q','y'] | evaluate pivot(b) | sort by a asc",
        expect![[r#"
            a:string | x:long | y:long
            p | 2 | 0
            q | 0 | 1"#]],
    );
    check(
        "print a = 1, b = 'x' | evaluate narrow() | sort by Column asc",
        expect![[r#"
        Row:long | Column:string | Value:string
        0 | a | 1
        0 | b | x"#]],
    );
    check(
        "let N = datatable(net:string, n:string)['10.0.0.0/8','ten','192.168.0.0/16','home']; datatable(ip:string)['10.1.2.3','8.8.8.8'] | evaluate ipv4_lookup(N, ip, net, return_unmatched = true) | sort by ip asc",
        expect![[r#"
            ip:string | net:string | n:string
            10.1.2.3 | 10.0.0.0/8 | ten
            8.8.8.8 |  | "#]],
    );
    check(
        "print 1 | evaluate nothing()",
        expect!["error at 1:20: 'evaluate' operator: unknown plugin 'nothing'"],
    );
}

#[test]
fn several_tables_and_none() {
    check(
        "DeviceProcessEvents | fork (count) (take 1)",
        expect![[r#"
        Count:long
        4"#]],
    );
    check(
        "DeviceProcessEvents | facet by AccountName | sort by AccountName asc",
        expect![[r#"
        AccountName:string | count_AccountName:long
         | 1
        ann | 2
        bob | 1"#]],
    );
    check("DeviceProcessEvents | consume", expect![""]);
    check(
        "DeviceProcessEvents | fork (count) (where nope == 1)",
        expect!["error at 1:43: Failed to resolve scalar expression named 'nope'"],
    );
}

#[test]
fn old_and_loose_comparisons() {
    check(
        "print '5' == 5, 5 == '5.0', 'x' == 5, true == '1', '7' in (7, 8), 5 in ('5'), 'Hello' like 'h%o', 'Hello' notlikecs 'h%o'",
        expect![[r#"
            print_0:bool | print_1:bool | print_2:bool | print_3:bool | print_4:bool | print_5:bool | print_6:bool | print_7:bool
            true | true | false | true | true | true | true | true"#]],
    );
    check(
        "datatable(a:string)['x'] | summarize any(a), any(a), count(a == 'x')",
        expect![[r#"
        any_a:string | any_a1:string | count_:long
        x | x | 1"#]],
    );
    check(
        "datatable(a:string)['x'] | summarize tostring(make_set(a)), round(avg(strlen(a)), 1)",
        expect![[r#"
            set_a:string | avg_strlen_a:real
            ["x"] | 1.0"#]],
    );
    check(
        "union isfuzzy=true (NoSuchTable | where x == 1), (print x = 1)",
        expect![[r#"
        x:long
        1"#]],
    );
    check(
        "union (print a = 1, b = 2), (print a = 'x', c = 3) | getschema | project ColumnName",
        expect![[r#"
        ColumnName:string
        a_long
        a_string
        b
        c"#]],
    );
}

#[test]
fn arithmetic_of_dynamic_values() {
    check(
        "print d = dynamic({'a':7,'b':2,'r':0.5,'t':'2024-05-06T00:00:00Z','s':'x'}) | project d.a + d.b, d.a / d.b, d.a * d.r, d.a - d.s, d.a / d.none, datetime(2024-05-07) - d.t, d.a % d.b, d.a + 1",
        expect![[r#"
            Column1:dynamic | Column2:dynamic | Column3:dynamic | Column4:dynamic | Column5:dynamic | Column6:timespan | Column7:real | Column8:long
            9 | 3 | 3.5 |  |  | 1.00:00:00 | 1.0 | 8"#]],
    );
}

#[test]
fn time_generated_is_the_time() {
    check(
        "DeviceProcessEvents | where TimeGenerated > ago(1d) | project TimeGenerated, Timestamp",
        expect![[r#"
            TimeGenerated:datetime | Timestamp:datetime
            2024-05-07T09:00:00.0000000Z | 2024-05-07T09:00:00.0000000Z"#]],
    );
}

#[test]
fn scan_matches_sequences() {
    let events = "let E = datatable(t:long, e:string)[0,'A', 1,'Start', 2,'B', 3,'D', 4,'Stop', 6,'C', 8,'Start', 11,'E', 12,'Stop'];";
    check(
        &format!(
            "{events} E | sort by t asc | scan with_match_id=m with (step s1: e == 'Start'; step s2: e != 'Start' and e != 'Stop' and t - s1.t <= 5; step s3: e == 'Stop' and t - s1.t <= 5;)"
        ),
        expect![[r#"
            t:long | e:string | m:long
            1 | Start | 0
            2 | B | 0
            3 | D | 0
            4 | Stop | 0
            8 | Start | 1
            11 | E | 1
            12 | Stop | 1"#]],
    );
    check(
        "range x from 1 to 5 step 1 | scan declare (c:long=0) with (step s: true => c = x + s.c;)",
        expect![[r#"
            x:long | c:long
            1 | 1
            2 | 3
            3 | 6
            4 | 10
            5 | 15"#]],
    );
    check(
        &format!(
            "{events} E | sort by t asc | scan declare (n:long) with (step a output=last: true => n = iff(isnull(a.n), 1, a.n + 1); step b output=none: e == 'Stop';)"
        ),
        expect![[r#"
            t:long | e:string | n:long
            3 | D | 4
            11 | E | 4
            12 | Stop | 1"#]],
    );
    check(
        "print x = 1 | scan with (step s: true => z = 1;)",
        expect!["error at 1:42: 'scan' operator: Failed to resolve column named 'z'; declare it first"],
    );
}

#[test]
fn sorted_arrays_are_columns() {
    check(
        "let a = dynamic([3, 1, 2]); let b = dynamic(['c', 'a', 'b']); print array_sort_asc(a, b)",
        expect![[r#"
            a_sorted:dynamic | b_sorted:dynamic
            [1,2,3] | ["a","b","c"]"#]],
    );
    check(
        "print a = dynamic([3, 1]), b = dynamic(['c', 'a']) | project array_sort_desc(a, b, false)",
        expect![[r#"
            a_sorted:dynamic | b_sorted:dynamic
            [3,1] | ["c","a"]"#]],
    );
}

#[test]
fn tables_without_rows_lend_their_columns() {
    check(
        "union UrlClickEvents, IdentityInfo | count",
        expect![[r#"
        Count:long
        0"#]],
    );
    check(
        "union withsource = t (UrlClickEvents | project Url), (DeviceProcessEvents | project FileName, n = 1) | where n == 1 | summarize count() by t, empty = isempty(Url)",
        expect![[r#"
            t:string | empty:bool | count_:long
            union_arg1 | true | 4"#]],
    );
    check(
        "union *, (print Url = 'x') | where Url == 'x' | project Url, FileName",
        expect![[r#"
        Url:string | FileName:string
        x | "#]],
    );
    check("search in (UrlClickEvents) 'x' | project Url", expect!["Url:string"]);
    check(
        "search 'cmd.exe' | summarize count() by $table | sort by $table asc",
        expect![[r#"
        $table:string | count_:long
        DeviceProcessEvents | 1"#]],
    );
}

#[test]
fn a_time_alone_is_one_of_today() {
    check(
        "print a = datetime('5:00:00 PM') - startofday(now())",
        expect![[r#"
        a:timespan
        17:00:00"#]],
    );
}
