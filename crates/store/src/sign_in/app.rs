//! How an app signs users in, and what it may do for them.

use model::{AppId, TenantId, Ticks};
use uuid::Uuid;

use crate::database::{self, Row, uuid};
use crate::error::{failed, not_added, without};
use crate::identity::{names, names_text};
use crate::{Store, StoreError, TenantStore};

const REDIRECTS_MAX: i64 = 64;
const CERTIFICATES_MAX: i64 = 16;

/// How an app signs users in. The default is that it does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSignIn {
    /// The delegated permissions it asks for.
    pub delegated: Vec<String>,
    /// It cannot keep a secret.
    pub is_public: bool,
    /// It may send the passwords of users.
    pub takes_passwords: bool,
    /// Administrators of other tenants may let it in.
    pub is_multi_tenant: bool,
    /// Users may consent for themselves.
    pub users_consent: bool,
}

/// A certificate that an app proves itself by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppCertificate {
    /// Hexadecimal digits in lower case.
    pub sha256: String,
    pub sha1: String,
    pub der: Vec<u8>,
    pub not_before: Ticks,
    pub not_after: Ticks,
    pub created: Ticks,
}

/// An app of another tenant that an administrator of this one let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerApp {
    pub app: AppId,
    pub home: TenantId,
    pub permissions: Vec<String>,
    pub granted_by: String,
    pub granted: Ticks,
}

/// What an app may do for a user, as it asked for it when that was consented to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegatedGrant {
    pub app: AppId,
    /// None is every user of the tenant.
    pub user: Option<Uuid>,
    pub permissions: Vec<String>,
    pub granted_by: String,
    pub granted: Ticks,
}

impl Store {
    /// The multi-tenant app of that id with its home. An id that means two apps means none.
    pub async fn multi_tenant_home(&self, id: AppId) -> Result<Option<TenantId>, StoreError> {
        const SQL: &str = "SELECT s.tenant FROM tenants t CROSS JOIN app_sign_in s \
                           WHERE s.tenant = t.id AND s.app = $1 AND s.is_multi_tenant LIMIT 2";
        let query = database::query(SQL).bind(id.to_string());
        let rows = query.try_map(|row: Row| Ok(TenantId(uuid(row.try_get("tenant")?)?)));
        let rows = rows.fetch_all(self.db.readers()).await.map_err(failed("find the home of an app"))?;
        Ok(if let [one] = rows.as_slice() { Some(*one) } else { None })
    }
}

impl TenantStore {
    pub async fn app_sign_in(&self, id: AppId) -> Result<AppSignIn, StoreError> {
        const SQL: &str = "SELECT delegated, is_public, takes_passwords, is_multi_tenant, users_consent \
                           FROM app_sign_in WHERE tenant = $1 AND app = $2";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string()).try_map(app_sign_in);
        let found = query.fetch_optional(self.db.readers()).await;
        Ok(found.map_err(failed("read how an app signs users in"))?.unwrap_or_default())
    }

    pub async fn set_app_sign_in(&self, id: AppId, how: &AppSignIn) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO app_sign_in (tenant, app, delegated, is_public, takes_passwords, \
                           is_multi_tenant, users_consent) VALUES ($1, $2, $3, $4, $5, $6, $7) \
                           ON CONFLICT (tenant, app) DO UPDATE SET delegated = excluded.delegated, \
                           is_public = excluded.is_public, takes_passwords = excluded.takes_passwords, \
                           is_multi_tenant = excluded.is_multi_tenant, users_consent = excluded.users_consent";
        let set = database::query(SQL)
            .bind(&self.key)
            .bind(id.to_string())
            .bind(names_text(&how.delegated))
            .bind(how.is_public)
            .bind(how.takes_passwords)
            .bind(how.is_multi_tenant)
            .bind(how.users_consent)
            .execute(self.db.writer())
            .await;
        set.map(drop)
            .map_err(failed("set how an app signs users in"))
            .map_err(|error| without("app", id, error))
    }

    /// In the order of their texts.
    pub async fn redirect_uris(&self, id: AppId) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "SELECT uri FROM app_redirects WHERE tenant = $1 AND app = $2 ORDER BY uri";
        let query =
            database::query(SQL).bind(&self.key).bind(id.to_string()).try_map(|row: Row| row.try_get(0));
        query.fetch_all(self.db.readers()).await.map_err(failed("list the redirect URIs of an app"))
    }

    /// Adding one that is there changes nothing.
    pub async fn add_redirect_uri(&self, id: AppId, uri: &str) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO app_redirects (tenant, app, uri) SELECT $1, $2, $3 WHERE \
                           (SELECT COUNT(*) FROM app_redirects WHERE tenant = $1 AND app = $2) < $4 \
                           ON CONFLICT DO NOTHING";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string()).bind(uri).bind(REDIRECTS_MAX);
        let added = query.execute(self.db.writer()).await.map_err(failed("add a redirect URI"));
        let added = added.map_err(|error| without("app", id, error))?;
        if added.rows_affected() == 0 && !self.redirect_uris(id).await?.iter().any(|known| known == uri) {
            return Err(StoreError::invalid("redirect URI", format!("an app has at most {REDIRECTS_MAX}")));
        }
        Ok(())
    }

    /// Says whether it was there.
    pub async fn remove_redirect_uri(&self, id: AppId, uri: &str) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM app_redirects WHERE tenant = $1 AND app = $2 AND uri = $3";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string()).bind(uri);
        let done = query.execute(self.db.writer()).await.map_err(failed("remove a redirect URI"))?;
        Ok(done.rows_affected() > 0)
    }

    /// The newest first.
    pub async fn app_certificates(&self, id: AppId) -> Result<Vec<AppCertificate>, StoreError> {
        const SQL: &str = "SELECT sha256, sha1, der, not_before, not_after, created FROM app_certificates \
                           WHERE tenant = $1 AND app = $2 ORDER BY created DESC, sha256";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string()).try_map(app_certificate);
        query.fetch_all(self.db.readers()).await.map_err(failed("list the certificates of an app"))
    }

    /// A certificate that is there is a conflict.
    pub async fn add_app_certificate(
        &self,
        id: AppId,
        certificate: &AppCertificate,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO app_certificates (tenant, app, sha256, sha1, der, not_before, \
                           not_after, created) SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE \
                           (SELECT COUNT(*) FROM app_certificates WHERE tenant = $1 AND app = $2) < $9";
        let added = database::query(SQL)
            .bind(&self.key)
            .bind(id.to_string())
            .bind(&certificate.sha256)
            .bind(&certificate.sha1)
            .bind(&certificate.der)
            .bind(certificate.not_before.0)
            .bind(certificate.not_after.0)
            .bind(certificate.created.0)
            .bind(CERTIFICATES_MAX)
            .execute(self.db.writer())
            .await;
        let added = added
            .map_err(not_added("add a certificate to an app", "certificate", &certificate.sha256))
            .map_err(|error| without("app", id, error))?;
        if added.rows_affected() == 0 {
            let reason = format!("an app has at most {CERTIFICATES_MAX}");
            return Err(StoreError::invalid("certificate", reason));
        }
        Ok(())
    }

    /// Says whether it was there.
    pub async fn remove_app_certificate(&self, id: AppId, sha256: &str) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM app_certificates WHERE tenant = $1 AND app = $2 AND sha256 = $3";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string()).bind(sha256);
        let done = query.execute(self.db.writer()).await.map_err(failed("remove a certificate"))?;
        Ok(done.rows_affected() > 0)
    }

    pub async fn partner_app(&self, id: AppId) -> Result<Option<PartnerApp>, StoreError> {
        const SQL: &str = "SELECT app, home, permissions, granted_by, granted FROM partner_apps \
                           WHERE tenant = $1 AND app = $2";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string()).try_map(partner_app);
        query.fetch_optional(self.db.readers()).await.map_err(failed("read a partner's app"))
    }

    pub async fn partner_apps(&self) -> Result<Vec<PartnerApp>, StoreError> {
        const SQL: &str = "SELECT app, home, permissions, granted_by, granted FROM partner_apps \
                           WHERE tenant = $1 ORDER BY granted, app";
        let query = database::query(SQL).bind(&self.key).try_map(partner_app);
        query.fetch_all(self.db.readers()).await.map_err(failed("list the apps of partners"))
    }

    /// Lets an app of another tenant in, in place of an earlier consent.
    pub async fn put_partner_app(&self, partner: &PartnerApp) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO partner_apps (tenant, app, home, permissions, granted_by, granted) \
                           VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, app) DO UPDATE SET \
                           home = excluded.home, permissions = excluded.permissions, \
                           granted_by = excluded.granted_by, granted = excluded.granted";
        let put = database::query(SQL)
            .bind(&self.key)
            .bind(partner.app.to_string())
            .bind(partner.home.to_string())
            .bind(names_text(&partner.permissions))
            .bind(&partner.granted_by)
            .bind(partner.granted.0)
            .execute(self.db.writer())
            .await;
        put.map(drop)
            .map_err(failed("let a partner's app in"))
            .map_err(|error| without("tenant", &self.key, error))
    }

    /// Shuts an app of another tenant out, with what users consented to. Says whether it was in.
    pub async fn remove_partner_app(&self, id: AppId) -> Result<bool, StoreError> {
        let mut transaction = self.db.begin().await?;
        let doing = "shut a partner's app out";
        for sql in [
            "DELETE FROM delegated_grants WHERE tenant = $1 AND app = $2",
            "DELETE FROM sign_ins WHERE tenant = $1 AND app = $2",
        ] {
            let query = database::query(sql).bind(&self.key).bind(id.to_string());
            query.execute(&mut *transaction).await.map_err(failed(doing))?;
        }
        let query = database::query("DELETE FROM partner_apps WHERE tenant = $1 AND app = $2");
        let query = query.bind(&self.key).bind(id.to_string());
        let done = query.execute(&mut *transaction).await.map_err(failed(doing))?;
        crate::database::commit(transaction, doing).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Records what an app may do for a user, or for all, in place of an earlier consent.
    pub async fn put_delegated_grant(&self, grant: &DelegatedGrant) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO delegated_grants (tenant, app, user_id, permissions, granted_by, \
                           granted) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, app, user_id) \
                           DO UPDATE SET permissions = excluded.permissions, \
                           granted_by = excluded.granted_by, granted = excluded.granted";
        let put = database::query(SQL)
            .bind(&self.key)
            .bind(grant.app.to_string())
            .bind(user_key(grant.user))
            .bind(names_text(&grant.permissions))
            .bind(&grant.granted_by)
            .bind(grant.granted.0)
            .execute(self.db.writer())
            .await;
        put.map(drop)
            .map_err(failed("record the consent of a user"))
            .map_err(|error| without("tenant", &self.key, error))
    }

    /// What holds for a user: the consent for all, and the user's own.
    pub async fn delegated_grants_of(
        &self,
        id: AppId,
        user: Uuid,
    ) -> Result<Vec<DelegatedGrant>, StoreError> {
        const SQL: &str = "SELECT app, user_id, permissions, granted_by, granted FROM delegated_grants \
                           WHERE tenant = $1 AND app = $2 AND user_id IN ('', $3) ORDER BY user_id";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string()).bind(user_key(Some(user)));
        let rows = query.try_map(delegated_grant).fetch_all(self.db.readers()).await;
        rows.map_err(failed("read the consents of a user"))
    }

    /// Every consent for an app, that for all users first.
    pub async fn delegated_grants(&self, id: AppId) -> Result<Vec<DelegatedGrant>, StoreError> {
        const SQL: &str = "SELECT app, user_id, permissions, granted_by, granted FROM delegated_grants \
                           WHERE tenant = $1 AND app = $2 ORDER BY user_id";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string()).try_map(delegated_grant);
        query.fetch_all(self.db.readers()).await.map_err(failed("list the consents for an app"))
    }

    /// Says whether it was there.
    pub async fn remove_delegated_grant(&self, id: AppId, user: Option<Uuid>) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM delegated_grants WHERE tenant = $1 AND app = $2 AND user_id = $3";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string()).bind(user_key(user));
        let done = query.execute(self.db.writer()).await.map_err(failed("take a consent back"))?;
        Ok(done.rows_affected() > 0)
    }
}

fn user_key(user: Option<Uuid>) -> String {
    user.map(|user| user.to_string()).unwrap_or_default()
}

fn app_sign_in(row: Row) -> Result<AppSignIn, sqlx::Error> {
    Ok(AppSignIn {
        delegated: names(row.try_get("delegated")?)?,
        is_public: row.try_get("is_public")?,
        takes_passwords: row.try_get("takes_passwords")?,
        is_multi_tenant: row.try_get("is_multi_tenant")?,
        users_consent: row.try_get("users_consent")?,
    })
}

fn app_certificate(row: Row) -> Result<AppCertificate, sqlx::Error> {
    Ok(AppCertificate {
        sha256: row.try_get("sha256")?,
        sha1: row.try_get("sha1")?,
        der: row.try_get("der")?,
        not_before: Ticks(row.try_get("not_before")?),
        not_after: Ticks(row.try_get("not_after")?),
        created: Ticks(row.try_get("created")?),
    })
}

fn partner_app(row: Row) -> Result<PartnerApp, sqlx::Error> {
    Ok(PartnerApp {
        app: AppId(uuid(row.try_get("app")?)?),
        home: TenantId(uuid(row.try_get("home")?)?),
        permissions: names(row.try_get("permissions")?)?,
        granted_by: row.try_get("granted_by")?,
        granted: Ticks(row.try_get("granted")?),
    })
}

fn delegated_grant(row: Row) -> Result<DelegatedGrant, sqlx::Error> {
    let user: &str = row.try_get("user_id")?;
    Ok(DelegatedGrant {
        app: AppId(uuid(row.try_get("app")?)?),
        user: if user.is_empty() { None } else { Some(uuid(user)?) },
        permissions: names(row.try_get("permissions")?)?,
        granted_by: row.try_get("granted_by")?,
        granted: Ticks(row.try_get("granted")?),
    })
}
