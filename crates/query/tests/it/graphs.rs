//! Graphs: rows as edges, patterns in them.

use expect_test::expect;

use crate::harness::check;

const GRAPH: &str = r#"let people = datatable(name:string, age:long)["Alice", 23, "Bob", 31, "Eve", 17];
let links = datatable(source:string, target:string, kind:string)
["Alice","Bob","knows", "Alice","Trent","trusts", "Bob","Trent","owns", "Eve","Alice","attacks", "Mallory","Alice","attacks", "Mallory","Bob","attacks"];
links | make-graph source --> target with people on name
"#;

fn graph(rest: &str) -> String {
    format!("{GRAPH}| {rest}")
}

#[test]
fn patterns_are_matched() {
    check(
        &graph(
            "graph-match (m)-[a]->(c)-[p]->(t) where m.name == 'Mallory' and a.kind == 'attacks' and p.kind == 'owns' project m.name, c = c.name, t.name, c.age",
        ),
        expect![[r#"
            m_name:string | c:string | t_name:string | c_age:long
            Mallory | Bob | Trent | 31"#]],
    );
    // Against the way an edge leads, either way, and without a name.
    check(
        &graph(
            "graph-match (c)<-[a]-(m) where a.kind == 'attacks' project c.name, m.name | sort by c_name asc, m_name asc",
        ),
        expect![[r#"
            c_name:string | m_name:string
            Alice | Eve
            Alice | Mallory
            Bob | Mallory"#]],
    );
    check(
        &graph("graph-match (b)--(other) where b.name == 'Bob' project other.name | sort by other_name asc"),
        expect![[r#"
            other_name:string
            Alice
            Mallory
            Trent"#]],
    );
    // Two paths that share a node.
    check(
        &graph(
            "graph-match (m)-[x]->(c), (m)-[y]->(d) where m.name == 'Mallory' and c.name == 'Alice' and d.name == 'Bob' project x.kind, y.kind",
        ),
        expect![[r#"
            x_kind:string | y_kind:string
            attacks | attacks"#]],
    );
}

#[test]
fn edges_repeat_and_are_asked_together() {
    check(
        &graph(
            "graph-match (a)-[e*1..3]->(b) where a.name == 'Mallory' and all(e, kind != 'trusts') project b.name, kinds = map(e, kind), by = map(inner_nodes(e), name), some = any(inner_nodes(e), age > 30) | sort by tostring(kinds) asc",
        ),
        expect![[r#"
            b_name:string | kinds:dynamic | by:dynamic | some:bool
            Trent | ["attacks","knows","owns"] | ["Alice","Bob"] | true
            Bob | ["attacks","knows"] | ["Alice"] | false
            Trent | ["attacks","owns"] | ["Bob"] | true
            Alice | ["attacks"] | [] | false
            Bob | ["attacks"] | [] | false"#]],
    );
    let ring = "datatable(a:long, b:long)[1,2, 2,3, 3,1] | make-graph a --> b with_node_id=id";
    check(
        &format!(
            "{ring} | graph-match (x)-[e*1..9]->(y) where x.id == 1 project y.id, n = array_length(map(e, a)) | sort by n asc"
        ),
        expect![[r#"
            y_id:long | n:long
            2 | 1
            3 | 2
            1 | 3"#]],
    );
    check(
        &format!(
            "{ring} | graph-match cycles=none (x)-[e*1..9]->(y) where x.id == 1 project y.id | sort by y_id asc"
        ),
        expect![[r#"
            y_id:long
            2
            3"#]],
    );
    check(
        &format!("{ring} | graph-match cycles=all (x)-[e*4..4]->(y) where x.id == 1 project y.id"),
        expect![[r#"
            y_id:long
            2"#]],
    );
}

#[test]
fn shortest_paths_components_and_tables() {
    check(
        &graph(
            "graph-shortest-paths (a)-[e*1..5]->(b) where a.name == 'Eve' and b.name == 'Trent' project path = map(e, target)",
        ),
        expect![[r#"
            path:dynamic
            ["Alice","Trent"]"#]],
    );
    check(
        &graph(
            "graph-shortest-paths output=all (a)-[e*1..5]->(b) where a.name == 'Mallory' and b.name == 'Trent' project path = map(e, target) | sort by tostring(path) asc",
        ),
        expect![[r#"
            path:dynamic
            ["Alice","Trent"]
            ["Bob","Trent"]"#]],
    );
    check(
        "datatable(a:string, b:string)['x','y', 'z','w'] | make-graph a --> b with_node_id=id | graph-mark-components with_component_id=part | graph-to-table nodes | sort by id asc",
        expect![[r#"
            id:string | part:long
            w | 1
            x | 0
            y | 0
            z | 1"#]],
    );
    check(
        "datatable(a:string, b:string)['x','y', 'y','x', 'y','z'] | make-graph a --> b with_node_id=id | graph-mark-components kind=strong with_component_id=part | graph-match (n)-[e]->(m) project n.id, m.id, same = n.part == m.part | sort by n_id asc, m_id asc",
        expect![[r#"
            n_id:string | m_id:string | same:bool
            x | y | true
            y | x | true
            y | z | false"#]],
    );
    check(
        &graph("graph-to-table nodes | sort by name asc"),
        expect![[r#"
        name:string | age:long
        Alice | 23
        Bob | 31
        Eve | 17
        Mallory | 
        Trent | "#]],
    );
    check(
        &graph(
            "graph-to-table edges with_source_id=s | where source == 'Eve' | project source, isnotnull(s)",
        ),
        expect![[r#"
            source:string | Column1:bool
            Eve | true"#]],
    );
    check(
        &graph(
            "graph-match (n)<-[e]-(m) where node_degree_out(n) == 0 project n.name, node_degree_in(n) | distinct *",
        ),
        expect![[r#"
            n_name:string | node_degree_in:long
            Trent | 2"#]],
    );
}

#[test]
fn mistakes_are_told() {
    check(
        &graph("where age > 3"),
        expect!["error at 5:3: this operator takes a table, not a graph: put 'graph-match' before it"],
    );
    check(
        "DeviceEvents | graph-match (a)-[b]->(c) project a.x",
        expect!["error at 1:16: this operator takes a graph: put 'make-graph' before it"],
    );
    check(
        &graph("graph-match (a)-[b]->(c) where a.agee > 1 project a.name"),
        expect!["error at 5:34: Failed to resolve scalar expression named 'a'"],
    );
    check(
        &graph("graph-match (a)-[b*1..2]->(c) project map(d, kind)"),
        expect!["error at 5:45: 'graph-match' operator: there is no edge 'd' in the pattern"],
    );
    check(
        "datatable(a:string, b:long)[] | make-graph a --> b",
        expect!["error at 1:50: 'make-graph' operator: both ends of an edge are of one kind, not dynamic"],
    );
}
