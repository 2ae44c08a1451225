//! The page of permissions is what the code says. `UPDATE_EXPECT=1` writes it anew.

use std::fmt::Write;

use api::{Access, Routes};
use expect_test::expect_file;
use model::permission::PERMISSIONS;
use model::role::{self, BUILT_IN_ROLES, ROLE_PERMISSIONS};

#[test]
fn the_page_of_permissions_is_up_to_date() {
    expect_file!["../../../../docs/permissions.md"].assert_eq(&page());
}

fn page() -> String {
    let mut page = String::from(
        "# Permissions and roles\n\n\
         Made from the code; a test fails when it is out of date. How they work together is in\n\
         [the security model](security-model.md).\n\n\
         ## Permissions\n\n\
         An app for itself needs the application permission. A user needs the delegated one, granted to the app that is\n\
         used, and a role that holds one of the role permissions. What is of the whole tenant is out of reach for apps\n\
         whose grant is bounded to device groups.\n\n\
         | application | delegated | allows | role permissions | whole tenant |\n\
         | --- | --- | --- | --- | --- |\n",
    );
    for declared in PERMISSIONS {
        let roles: Vec<_> =
            role::needed_for(declared.permission).iter().map(|role| format!("`{}`", role.name())).collect();
        let delegated = declared.delegated.map(|name| format!("`{name}`")).unwrap_or_default();
        let whole = if role::is_tenant_wide(declared.permission) { "yes" } else { "" };
        let (application, summary) = (declared.application, declared.summary);
        let roles = roles.join(", ");
        let _ = writeln!(page, "| `{application}` | {delegated} | {summary} | {roles} | {whole} |");
    }
    page += "\n## Role permissions\n\n| role permission | allows |";
    for built_in in BUILT_IN_ROLES {
        let _ = write!(page, " {} |", built_in.name);
    }
    page += "\n| --- | --- |";
    page += &" --- |".repeat(BUILT_IN_ROLES.len());
    page += "\n";
    for declared in ROLE_PERMISSIONS {
        let _ = write!(page, "| `{}` | {} |", declared.name, declared.summary);
        for built_in in BUILT_IN_ROLES {
            let held = built_in.permissions.contains(&declared.permission);
            page += if held { " yes |" } else { " |" };
        }
        page += "\n";
    }
    page += "\n## Methods\n\n| method | needs | action |\n| --- | --- | --- |\n";
    let routes = Routes::all();
    let mut lines: Vec<_> = routes.declared().iter().filter(|route| route.access != Access::Open).collect();
    lines.sort_by_key(|route| (route.path, route.method.to_string()));
    for route in lines {
        let needs = match route.access {
            Access::Needs(permission) => format!("`{}`", permission.application_name()),
            Access::NeedsOneOf(permissions) => {
                let names =
                    permissions.iter().map(|permission| format!("`{}`", permission.application_name()));
                names.collect::<Vec<_>>().join(" or ")
            }
            Access::Device => "the signature of a device".to_owned(),
            Access::Open | Access::SignedIn => "a token".to_owned(),
        };
        let action = route.action.unwrap_or_default();
        let _ = writeln!(page, "| `{} {}` | {needs} | {action} |", route.method, route.path);
    }
    page
}
