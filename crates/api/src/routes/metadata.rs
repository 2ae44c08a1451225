//! What entity sets there are: the service document and the metadata document, made of the declarations that
//! queries are checked against.

use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::{IntoResponse, Response};
use odata::{EntityType, Kind, Property};
use serde_json::json;
use store::{
    ALERT_TYPE, INCIDENT_TYPE, INDICATOR_TYPE, INVESTIGATION_TYPE, MACHINE_ACTION_TYPE, MACHINE_TYPE,
};

use super::Access::SignedIn;
use super::Routes;
use crate::ctx::Outside;
use crate::error::ApiError;
use crate::list;

const NAMESPACE: &str = "microsoft.windowsDefenderATP.api";
const ODATA_VERSION: HeaderName = HeaderName::from_static("odata-version");

/// One entity set.
struct Set {
    name: &'static str,
    type_name: &'static str,
    key: &'static str,
    entity: &'static EntityType,
}

/// Every set that can be listed.
static SETS: &[Set] = &[
    Set { name: "Alerts", type_name: "Alert", key: "id", entity: &ALERT_TYPE },
    Set { name: "Incidents", type_name: "Incident", key: "incidentId", entity: &INCIDENT_TYPE },
    Set { name: "Indicators", type_name: "Indicator", key: "id", entity: &INDICATOR_TYPE },
    Set { name: "Investigations", type_name: "Investigation", key: "id", entity: &INVESTIGATION_TYPE },
    Set { name: "MachineActions", type_name: "MachineAction", key: "id", entity: &MACHINE_ACTION_TYPE },
    Set { name: "Machines", type_name: "Machine", key: "id", entity: &MACHINE_TYPE },
];

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api", SignedIn, service)
        .summary("Lists the entity sets.")
        .answers(r#"{"@odata.context":"","value":[{"name":"Alerts","kind":"EntitySet","url":"Alerts"}]}"#);
    routes.get("/api/$metadata", SignedIn, metadata).summary("Describes the entity sets, as CSDL.");
}

async fn service(outside: Outside) -> Result<Response, ApiError> {
    let sets: Vec<_> =
        SETS.iter().map(|set| json!({ "name": set.name, "kind": "EntitySet", "url": set.name })).collect();
    let context = format!("{}/api/$metadata", outside.base_url());
    list::json(&json!({ "@odata.context": context, "value": sets }))
}

async fn metadata() -> Response {
    ([(CONTENT_TYPE, "application/xml"), (ODATA_VERSION, "4.0")], document()).into_response()
}

/// The metadata document. Names are of declarations and need no escaping.
fn document() -> String {
    let mut types = String::new();
    let mut sets = String::new();
    for set in SETS {
        let Set { name, type_name, key, entity } = set;
        types += &format!(
            "<EntityType Name=\"{type_name}\" OpenType=\"true\"><Key><PropertyRef Name=\"{key}\"/></Key>"
        );
        let mut elements = String::new();
        for property in entity.properties {
            types += &declared(type_name, property, property.name == *key);
            if property.kind == Kind::Objects {
                elements += &format!(
                    "<ComplexType Name=\"{}\" OpenType=\"true\">",
                    element_name(type_name, property)
                );
                elements += &property
                    .elements
                    .iter()
                    .map(|member| declared(type_name, member, false))
                    .collect::<String>();
                elements += "</ComplexType>";
            }
        }
        types += "</EntityType>";
        types += &elements;
        sets += &format!("<EntitySet Name=\"{name}\" EntityType=\"{NAMESPACE}.{type_name}\"/>");
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\"><edmx:DataServices>\
         <Schema Namespace=\"{NAMESPACE}\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">{types}\
         <ComplexType Name=\"Any\" OpenType=\"true\"/>\
         <EntityContainer Name=\"Container\">{sets}</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>"
    )
}

fn declared(type_name: &str, property: &Property, is_key: bool) -> String {
    let kind = match property.kind {
        // Members are not declared: clients compare them with texts, as the compatible API has it.
        Kind::String | Kind::Enum => "Edm.String".to_owned(),
        Kind::Int64 => "Edm.Int64".to_owned(),
        Kind::Double => "Edm.Double".to_owned(),
        Kind::Bool => "Edm.Boolean".to_owned(),
        Kind::DateTime => "Edm.DateTimeOffset".to_owned(),
        Kind::Strings => "Collection(Edm.String)".to_owned(),
        Kind::Objects => format!("Collection({NAMESPACE}.{})", element_name(type_name, property)),
        Kind::Complex if property.is_list => format!("Collection({NAMESPACE}.Any)"),
        Kind::Complex => format!("{NAMESPACE}.Any"),
    };
    let nullable = if is_key { " Nullable=\"false\"" } else { "" };
    format!("<Property Name=\"{}\" Type=\"{kind}\"{nullable}/>", property.name)
}

fn element_name(type_name: &str, property: &Property) -> String {
    let mut name = property.name.to_owned();
    name[..1].make_ascii_uppercase();
    format!("{type_name}{name}")
}

#[cfg(test)]
mod tests {
    use model::machine::Machine;
    use model::{DeviceId, Ticks};

    use super::*;

    #[test]
    fn what_answers_have_as_a_list_is_declared_as_a_collection() {
        let device = "1".repeat(40);
        let id = "00000000-0000-0000-0000-000000000001";
        let action = json!({ "id": id, "commands": [], "relatedFileInfo": {} });
        let machine = json!(Machine::new(DeviceId::parse(&device).unwrap(), Ticks(0)));
        let comments = json!({ "comments": [] });
        let alert = json!({ "comments": [], "evidence": [], "mitreTechniques": [], "relatedUser": {} });
        let incident = json!({ "tags": [], "comments": [] });
        let indicator = json!({ "rbacGroupNames": [], "rbacGroupIds": [] });
        let answers = [(&MACHINE_ACTION_TYPE, action), (&MACHINE_TYPE, machine), (&INCIDENT_TYPE, comments)];
        let answers = answers.into_iter().chain([
            (&ALERT_TYPE, alert),
            (&INCIDENT_TYPE, incident),
            (&INDICATOR_TYPE, indicator),
        ]);
        for (entity, answer) in answers {
            for (name, value) in answer.as_object().unwrap() {
                let property = entity.property(name).unwrap();
                let is_collection = declared("T", property, false).contains("Type=\"Collection(");
                assert_eq!(is_collection, value.is_array(), "{} {name}", entity.name);
            }
        }
    }

    #[test]
    fn every_property_is_described_once_and_every_type_is_there() {
        let document = document();
        for set in SETS {
            assert!(document.contains(&format!("<EntitySet Name=\"{}\"", set.name)), "{}", set.name);
            for property in set.entity.properties {
                assert!(
                    document.contains(&format!("<Property Name=\"{}\" ", property.name)),
                    "{}",
                    property.name
                );
            }
        }
        for (at, _) in document.match_indices(&format!("({NAMESPACE}.")) {
            let name = document[at..].split(['.', ')']).nth(3).unwrap();
            assert!(document.contains(&format!("<ComplexType Name=\"{name}\"")), "{name}");
        }
    }
}
