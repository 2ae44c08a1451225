//! Users and their groups, roles and who has them: what decides about signed-in users.

use std::collections::BTreeSet;

use model::Ticks;
use model::role::{self, RolePermission};
use uuid::Uuid;

use crate::database::{self, Connection, Query, Row, commit, uuid};
use crate::error::{failed, not_added, without};
use crate::identity::{User, names, names_text, user};
use crate::{StoreError, TenantStore, fold};

const CHANGE_USER: &str = "change a user";
const GROUP: &str = "change a user group";
const ROLE: &str = "change a role";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserGroup {
    pub id: Uuid,
    /// Unique in the tenant, compared without regard to letter case.
    pub name: String,
    pub description: String,
}

/// A role that a tenant made. Those that are built in have no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    pub id: String,
    pub name: String,
    pub description: String,
    pub permissions: Vec<RolePermission>,
}

/// What is changed of a user; what is none stays as it is.
#[derive(Clone, Default)]
pub struct UserChange {
    pub display_name: Option<String>,
    pub password_hash: Option<String>,
    pub is_administrator: Option<bool>,
    pub is_disabled: Option<bool>,
    /// Tokens issued before are not taken any more.
    pub tokens_from: Option<Ticks>,
}

/// What the groups of a user give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// Each group of the user with the permissions of its roles.
    pub groups: Vec<(Uuid, BTreeSet<RolePermission>)>,
    /// Whether one of the groups has the role of administrators.
    pub is_administrator: bool,
}

impl TenantStore {
    /// The users whose names come after that one, in the order of names.
    pub async fn users_after(&self, name: &str, limit: u32) -> Result<Vec<User>, StoreError> {
        const SQL: &str = "SELECT id, principal_name, display_name, password_hash, is_administrator, created, \
                           is_disabled, tokens_from FROM users \
                           WHERE tenant = $1 AND principal_name_folded > $2 \
                           ORDER BY principal_name_folded LIMIT $3";
        let query = database::query(SQL).bind(&self.key).bind(fold(name)).bind(limit);
        query.try_map(user).fetch_all(self.db.readers()).await.map_err(failed("list the users"))
    }

    /// Changes a user, unless that leaves the tenant without an administrator who can sign in.
    pub async fn change_user(&self, id: Uuid, change: &UserChange) -> Result<User, StoreError> {
        const READ: &str = "SELECT id, principal_name, display_name, password_hash, is_administrator, created, \
                            is_disabled, tokens_from FROM users WHERE tenant = $1 AND id = $2";
        const WRITE: &str = "UPDATE users SET display_name = $3, password_hash = $4, is_administrator = $5, \
                             is_disabled = $6, tokens_from = $7 WHERE tenant = $1 AND id = $2";
        let mut transaction = self.db.begin().await?;
        let stored = database::query(READ).bind(&self.key).bind(id.to_string()).try_map(user);
        let stored = stored.fetch_optional(&mut *transaction).await.map_err(failed(CHANGE_USER))?;
        let mut user = stored.ok_or_else(|| StoreError::not_found("user", id))?;
        let change = change.clone();
        user.display_name = change.display_name.unwrap_or(user.display_name);
        user.password_hash = change.password_hash.unwrap_or(user.password_hash);
        user.is_administrator = change.is_administrator.unwrap_or(user.is_administrator);
        user.is_disabled = change.is_disabled.unwrap_or(user.is_disabled);
        user.tokens_from = change.tokens_from.unwrap_or(user.tokens_from);
        database::query(WRITE)
            .bind(&self.key)
            .bind(id.to_string())
            .bind(&user.display_name)
            .bind(&user.password_hash)
            .bind(user.is_administrator)
            .bind(user.is_disabled)
            .bind(user.tokens_from.0)
            .execute(&mut *transaction)
            .await
            .map_err(failed(CHANGE_USER))?;
        self.check_administrators(&mut transaction).await?;
        commit(transaction, CHANGE_USER).await?;
        Ok(user)
    }

    /// Removes a user, unless that leaves the tenant without an administrator who can sign in.
    pub async fn delete_user(&self, id: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.db.begin().await?;
        let query = database::query("DELETE FROM users WHERE tenant = $1 AND id = $2");
        let done = query.bind(&self.key).bind(id.to_string()).execute(&mut *transaction).await;
        if done.map_err(failed(CHANGE_USER))?.rows_affected() == 0 {
            return Err(StoreError::not_found("user", id));
        }
        self.check_administrators(&mut transaction).await?;
        commit(transaction, CHANGE_USER).await
    }

    async fn check_administrators(&self, connection: &mut Connection) -> Result<(), StoreError> {
        const SQL: &str =
            "SELECT COUNT(*) FROM users WHERE tenant = $1 AND is_administrator AND NOT is_disabled";
        let able = database::query(SQL).bind(&self.key).try_map(|row: Row| row.try_get::<i64, _>(0));
        let able = able.fetch_one(connection).await.map_err(failed(CHANGE_USER))?;
        if able == 0 {
            let reason = "the tenant would have no administrator who can sign in";
            return Err(StoreError::Refused { what: "user", reason });
        }
        Ok(())
    }

    pub async fn create_user_group(&self, group: &UserGroup) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO user_groups (tenant, id, name, name_folded, description) \
                           VALUES ($1, $2, $3, $4, $5)";
        let added = self.bind_group(database::query(SQL), group).execute(self.db.writer()).await;
        added
            .map(drop)
            .map_err(not_added(GROUP, "user group", &group.name))
            .map_err(|error| without("tenant", &self.key, error))
    }

    pub async fn change_user_group(&self, group: &UserGroup) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE user_groups SET name = $3, name_folded = $4, description = $5 \
                           WHERE tenant = $1 AND id = $2";
        let done = self.bind_group(database::query(SQL), group).execute(self.db.writer()).await;
        let done = done.map_err(not_added(GROUP, "user group", &group.name))?;
        if done.rows_affected() == 0 { Err(StoreError::not_found("user group", group.id)) } else { Ok(()) }
    }

    fn bind_group(&self, query: Query, group: &UserGroup) -> Query {
        let query = query.bind(&self.key).bind(group.id.to_string());
        query.bind(&group.name).bind(fold(&group.name)).bind(&group.description)
    }

    /// Every user group, by name.
    pub async fn user_groups(&self) -> Result<Vec<UserGroup>, StoreError> {
        const SQL: &str =
            "SELECT id, name, description FROM user_groups WHERE tenant = $1 ORDER BY name_folded";
        let query = database::query(SQL).bind(&self.key).try_map(user_group);
        query.fetch_all(self.db.readers()).await.map_err(failed("list the user groups"))
    }

    pub async fn user_group(&self, id: Uuid) -> Result<Option<UserGroup>, StoreError> {
        const SQL: &str = "SELECT id, name, description FROM user_groups WHERE tenant = $1 AND id = $2";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string()).try_map(user_group);
        query.fetch_optional(self.db.readers()).await.map_err(failed("read a user group"))
    }

    /// Removes a user group and what it gives to its members. A device group that it alone reaches would be open to
    /// every user then, so that is refused.
    pub async fn delete_user_group(&self, id: Uuid) -> Result<(), StoreError> {
        const ALONE: &str = "SELECT COUNT(*) FROM device_group_access a WHERE a.tenant = $1 AND a.user_group = $2 \
                             AND NOT EXISTS (SELECT 1 FROM device_group_access b WHERE b.tenant = a.tenant \
                             AND b.device_group = a.device_group AND b.user_group <> a.user_group)";
        let mut transaction = self.db.begin().await?;
        let alone = database::query(ALONE).bind(&self.key).bind(id.to_string());
        let alone = alone.try_map(|row: Row| row.try_get::<i64, _>(0)).fetch_one(&mut *transaction).await;
        if alone.map_err(failed(GROUP))? > 0 {
            let reason = "a device group is for this user group alone and would be open to every user";
            return Err(StoreError::Refused { what: "user group", reason });
        }
        let query = database::query("DELETE FROM user_groups WHERE tenant = $1 AND id = $2");
        let done = query.bind(&self.key).bind(id.to_string()).execute(&mut *transaction).await;
        if done.map_err(failed(GROUP))?.rows_affected() == 0 {
            return Err(StoreError::not_found("user group", id));
        }
        commit(transaction, GROUP).await
    }

    /// Adds users to a group; those that are in it stay.
    pub async fn add_members(&self, group: Uuid, users: &[Uuid]) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO user_group_members (tenant, user_group, member) VALUES ($1, $2, $3) \
                           ON CONFLICT (tenant, user_group, member) DO NOTHING";
        let mut transaction = self.db.begin().await?;
        for user in users {
            let query = database::query(SQL).bind(&self.key).bind(group.to_string()).bind(user.to_string());
            let added = query.execute(&mut *transaction).await.map_err(failed(GROUP));
            added.map_err(|error| without("user or user group", user, error))?;
        }
        commit(transaction, GROUP).await
    }

    pub async fn remove_members(&self, group: Uuid, users: &[Uuid]) -> Result<(), StoreError> {
        const SQL: &str =
            "DELETE FROM user_group_members WHERE tenant = $1 AND user_group = $2 AND member = $3";
        let mut transaction = self.db.begin().await?;
        for user in users {
            let query = database::query(SQL).bind(&self.key).bind(group.to_string()).bind(user.to_string());
            query.execute(&mut *transaction).await.map_err(failed(GROUP))?;
        }
        commit(transaction, GROUP).await
    }

    /// The first members of a group, by id.
    pub async fn members(&self, group: Uuid, limit: u32) -> Result<Vec<Uuid>, StoreError> {
        const SQL: &str = "SELECT member FROM user_group_members WHERE tenant = $1 AND user_group = $2 \
                           ORDER BY member LIMIT $3";
        let query = database::query(SQL).bind(&self.key).bind(group.to_string()).bind(limit);
        let rows = query.try_map(|row: Row| uuid(row.try_get(0)?)).fetch_all(self.db.readers()).await;
        rows.map_err(failed("list the members of a user group"))
    }

    /// The groups of a user, by id.
    pub async fn user_groups_of(&self, user: Uuid) -> Result<Vec<Uuid>, StoreError> {
        const SQL: &str = "SELECT user_group FROM user_group_members WHERE tenant = $1 AND member = $2 \
                           ORDER BY user_group";
        let query = database::query(SQL).bind(&self.key).bind(user.to_string());
        let rows = query.try_map(|row: Row| uuid(row.try_get(0)?)).fetch_all(self.db.readers()).await;
        rows.map_err(failed("list the groups of a user"))
    }

    /// Puts a user into exactly these of the groups that are named in `among`: for groups that an outside identity
    /// provider tells. Says whether that changed anything.
    pub async fn set_membership(
        &self,
        user: Uuid,
        among: &[Uuid],
        groups: &[Uuid],
    ) -> Result<bool, StoreError> {
        const ADD: &str = "INSERT INTO user_group_members (tenant, user_group, member) VALUES ($1, $2, $3) \
                           ON CONFLICT (tenant, user_group, member) DO NOTHING";
        const REMOVE: &str =
            "DELETE FROM user_group_members WHERE tenant = $1 AND user_group = $2 AND member = $3";
        let mut transaction = self.db.begin().await?;
        let mut is_changed = false;
        for group in among {
            let sql = if groups.contains(group) { ADD } else { REMOVE };
            let query = database::query(sql).bind(&self.key).bind(group.to_string()).bind(user.to_string());
            let done = query.execute(&mut *transaction).await.map_err(failed(GROUP));
            let done = done.map_err(|error| without("user or user group", user, error))?;
            is_changed |= done.rows_affected() > 0;
        }
        commit(transaction, GROUP).await?;
        Ok(is_changed)
    }

    /// Adds a role. Those that are built in keep their ids and names.
    pub async fn create_role(&self, role: &Role) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO roles (tenant, id, name, name_folded, description, permissions) \
                           VALUES ($1, $2, $3, $4, $5, $6)";
        check_role_name(role)?;
        let added = self.bind_role(database::query(SQL), role).execute(self.db.writer()).await;
        added
            .map(drop)
            .map_err(not_added(ROLE, "role", &role.name))
            .map_err(|error| without("tenant", &self.key, error))
    }

    pub async fn change_role(&self, role: &Role) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE roles SET name = $3, name_folded = $4, description = $5, permissions = $6 \
                           WHERE tenant = $1 AND id = $2";
        check_role_name(role)?;
        let done = self.bind_role(database::query(SQL), role).execute(self.db.writer()).await;
        let done = done.map_err(not_added(ROLE, "role", &role.name))?;
        if done.rows_affected() == 0 { Err(StoreError::not_found("role", &role.id)) } else { Ok(()) }
    }

    fn bind_role(&self, query: Query, role: &Role) -> Query {
        let permissions: Vec<String> = role.permissions.iter().map(|p| p.name().to_owned()).collect();
        let query = query.bind(&self.key).bind(&role.id).bind(&role.name).bind(fold(&role.name));
        query.bind(&role.description).bind(names_text(&permissions))
    }

    /// The roles that the tenant made, by name.
    pub async fn roles(&self) -> Result<Vec<Role>, StoreError> {
        const SQL: &str =
            "SELECT id, name, description, permissions FROM roles WHERE tenant = $1 ORDER BY name_folded";
        let query = database::query(SQL).bind(&self.key).try_map(role_of);
        query.fetch_all(self.db.readers()).await.map_err(failed("list the roles"))
    }

    pub async fn role(&self, id: &str) -> Result<Option<Role>, StoreError> {
        const SQL: &str =
            "SELECT id, name, description, permissions FROM roles WHERE tenant = $1 AND id = $2";
        let query = database::query(SQL).bind(&self.key).bind(id).try_map(role_of);
        query.fetch_optional(self.db.readers()).await.map_err(failed("read a role"))
    }

    pub async fn delete_role(&self, id: &str) -> Result<(), StoreError> {
        let mut transaction = self.db.begin().await?;
        for sql in [
            "DELETE FROM role_assignments WHERE tenant = $1 AND role = $2",
            "DELETE FROM roles WHERE tenant = $1 AND id = $2",
        ] {
            let query = database::query(sql).bind(&self.key).bind(id);
            let done = query.execute(&mut *transaction).await.map_err(failed(ROLE))?;
            if sql.contains("FROM roles") && done.rows_affected() == 0 {
                return Err(StoreError::not_found("role", id));
            }
        }
        commit(transaction, ROLE).await
    }

    /// Gives a role, built in or not, to user groups.
    pub async fn assign_role(&self, role: &str, groups: &[Uuid]) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO role_assignments (tenant, role, user_group) VALUES ($1, $2, $3) \
                           ON CONFLICT (tenant, role, user_group) DO NOTHING";
        let mut transaction = self.db.begin().await?;
        if role::built_in(role).is_none() {
            let known = database::query("SELECT 1 FROM roles WHERE tenant = $1 AND id = $2");
            let known = known.bind(&self.key).bind(role).fetch_optional(&mut *transaction).await;
            known.map_err(failed(ROLE))?.ok_or_else(|| StoreError::not_found("role", role))?;
        }
        for group in groups {
            let query = database::query(SQL).bind(&self.key).bind(role).bind(group.to_string());
            let added = query.execute(&mut *transaction).await.map_err(failed(ROLE));
            added.map_err(|error| without("user group", group, error))?;
        }
        commit(transaction, ROLE).await
    }

    pub async fn unassign_role(&self, role: &str, groups: &[Uuid]) -> Result<(), StoreError> {
        const SQL: &str = "DELETE FROM role_assignments WHERE tenant = $1 AND role = $2 AND user_group = $3";
        let mut transaction = self.db.begin().await?;
        for group in groups {
            let query = database::query(SQL).bind(&self.key).bind(role).bind(group.to_string());
            query.execute(&mut *transaction).await.map_err(failed(ROLE))?;
        }
        commit(transaction, ROLE).await
    }

    /// Every role with a user group that has it.
    pub async fn role_assignments(&self) -> Result<Vec<(String, Uuid)>, StoreError> {
        const SQL: &str =
            "SELECT role, user_group FROM role_assignments WHERE tenant = $1 ORDER BY role, user_group";
        let query = database::query(SQL).bind(&self.key);
        let rows = query.try_map(|row: Row| Ok((row.try_get(0)?, uuid(row.try_get(1)?)?)));
        rows.fetch_all(self.db.readers()).await.map_err(failed("list who has roles"))
    }

    /// What the groups of a user give him.
    pub async fn membership(&self, user: Uuid) -> Result<Membership, StoreError> {
        const SQL: &str = "SELECT m.user_group AS user_group, a.role AS role, r.permissions AS permissions \
                           FROM user_group_members m JOIN role_assignments a ON a.tenant = m.tenant \
                           AND a.user_group = m.user_group \
                           LEFT JOIN roles r ON r.tenant = a.tenant AND r.id = a.role \
                           WHERE m.tenant = $1 AND m.member = $2 ORDER BY m.user_group, a.role";
        let query = database::query(SQL).bind(&self.key).bind(user.to_string());
        let rows = query.try_map(|row: Row| {
            let permissions: Option<String> = row.try_get("permissions")?;
            let permissions = permissions.as_deref().map(names).transpose()?.unwrap_or_default();
            Ok((uuid(row.try_get("user_group")?)?, row.try_get::<String, _>("role")?, permissions))
        });
        let rows = rows.fetch_all(self.db.readers()).await.map_err(failed("read the groups of a user"))?;
        let mut membership = Membership::default();
        for (group, role, permissions) in rows {
            let permissions: Vec<RolePermission> = match role::built_in(&role) {
                Some(built_in) => built_in.permissions.to_vec(),
                None => permissions.iter().filter_map(|name| RolePermission::from_name(name)).collect(),
            };
            membership.is_administrator |= role == role::ADMINISTRATOR;
            match membership.groups.last_mut().filter(|(last, _)| *last == group) {
                Some((_, held)) => held.extend(permissions),
                None => membership.groups.push((group, permissions.into_iter().collect())),
            }
        }
        Ok(membership)
    }
}

fn check_role_name(role: &Role) -> Result<(), StoreError> {
    let is_built_in = |own: &role::BuiltInRole| fold(own.name) == fold(&role.name);
    if role::built_in(&role.id).is_some() || role::BUILT_IN_ROLES.iter().any(is_built_in) {
        return Err(StoreError::Exists { entity: "role", id: role.name.clone() });
    }
    Ok(())
}

fn user_group(row: Row) -> Result<UserGroup, sqlx::Error> {
    let (name, description) = (row.try_get("name")?, row.try_get("description")?);
    Ok(UserGroup { id: uuid(row.try_get("id")?)?, name, description })
}

fn role_of(row: Row) -> Result<Role, sqlx::Error> {
    let permissions = names(row.try_get("permissions")?)?;
    Ok(Role {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        permissions: permissions.iter().filter_map(|name| RolePermission::from_name(name)).collect(),
    })
}
