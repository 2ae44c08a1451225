//! Attacks on signed tokens (RFC 8725 and what was done to others), each refused by every verifier: those of access
//! tokens, of client assertions, of tokens of outside issuers, and of ID tokens of providers.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::KeyPair;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::assertions::{Certified, claims as assertion_claims, send};
use crate::fixture::{Fixture, claims_of, encode_part, run, shared};
use crate::signing_in::World;

/// A good token, what its key can sign, and what of that is public.
struct Target<'a> {
    header: Value,
    claims: Value,
    good: String,
    /// RS256 by the right key.
    sign: &'a dyn Fn(&[u8]) -> Vec<u8>,
    /// Texts that anybody knows, which a mixed-up verifier might take for shared secrets.
    public: Vec<Vec<u8>>,
    attacker: &'a Certified,
}

impl Target<'_> {
    /// Signed by the right key, with the header and claims as texts.
    fn signed(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = (self.sign)(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn header_with(&self, name: &str, value: Value) -> String {
        let mut header = self.header.clone();
        header[name] = value;
        self.signed(&header.to_string(), &self.claims.to_string())
    }

    fn claims_with(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims.clone();
        claims[name] = value;
        self.signed(&self.header.to_string(), &claims.to_string())
    }

    /// Signed by another key, which the header brings along.
    fn forged(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut header = self.header.clone();
        change(&mut header);
        self.attacker.sign(&header, &self.claims)
    }

    fn by_hmac(&self, algorithm: hmac::Algorithm, name: &str, key: &[u8]) -> String {
        let mut header = self.header.clone();
        header["alg"] = json!(name);
        let message = format!("{}.{}", encode_part(&header), encode_part(&self.claims));
        let signature = hmac::sign(&hmac::Key::new(algorithm, key), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn with_signature(&self, signature: &[u8]) -> String {
        let (message, _) = self.good.rsplit_once('.').unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn unsigned(&self, alg: Value) -> String {
        let mut header = self.header.clone();
        header["alg"] = alg;
        format!("{}.{}.", encode_part(&header), encode_part(&self.claims))
    }

    fn attacks(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, token: String| all.push((name.to_owned(), token));
        let good = self.good.as_str();
        let parts: Vec<&str> = good.split('.').collect();
        let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        let (header, claims) = (self.header.to_string(), self.claims.to_string());

        for alg in ["none", "None", "NONE", "nOnE", "none ", "", "\u{0}none"] {
            add(&format!("no signature, alg {alg:?}"), self.unsigned(json!(alg)));
            add(&format!("old signature, alg {alg:?}"), self.unsigned(json!(alg)) + parts[2]);
        }
        for alg in [Value::Null, json!(1), json!(["RS256"]), json!({ "RS256": 1 })] {
            add(&format!("alg {alg}"), self.header_with("alg", alg));
        }
        for alg in [
            "rs256",
            "RS256 ",
            "RS256\u{0}",
            "\u{ff32}\u{ff33}256",
            "R\u{405}256",
            "RS384",
            "RS512",
            "HS256",
            "ES256",
            "EdDSA",
            "A256KW",
            "dir",
        ] {
            add(&format!("a signature of RS256 under alg {alg:?}"), self.header_with("alg", json!(alg)));
        }
        let other = if self.header["alg"] == "PS256" { "RS384" } else { "PS256" };
        add("a signature of RS256 under another padding", self.header_with("alg", json!(other)));
        for (at, key) in self.public.iter().enumerate() {
            for (name, algorithm) in
                [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
            {
                add(&format!("{name} with public text {at}"), self.by_hmac(algorithm, name, key));
            }
        }
        add(
            "HS256 with the public key under RS256",
            self.by_hmac(hmac::HMAC_SHA256, "RS256", &self.public[0]),
        );
        add("HS256 without a key", self.by_hmac(hmac::HMAC_SHA256, "HS256", b""));
        for (name, zeros) in [("ES256", 64), ("ES384", 96), ("EdDSA", 64)] {
            let mut header = self.header.clone();
            header["alg"] = json!(name);
            let message = format!("{}.{}", encode_part(&header), encode_part(&self.claims));
            add(&format!("{name} of zeros"), format!("{message}.{}", URL_SAFE_NO_PAD.encode(vec![0; zeros])));
        }

        let public = self.attacker.pair.public_key();
        let n = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        let e = URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
        let jwk = json!({ "kty": "RSA", "n": n, "e": e, "use": "sig", "kid": self.header["kid"] });
        add("another key", self.forged(|_| ()));
        add("another key in jwk", self.forged(|header| header["jwk"] = jwk));
        add("another key at jku", self.forged(|header| header["jku"] = json!("https://evil.example/keys")));
        add("another key at x5u", self.forged(|header| header["x5u"] = json!("https://evil.example/c.pem")));
        let chain = json!([STANDARD.encode(&self.attacker.der)]);
        add("another key in x5c", self.forged(|header| header["x5c"] = chain.clone()));
        add(
            "another key, named everywhere",
            self.forged(|header| {
                header["x5c"] = chain.clone();
                header["x5t"] = json!(self.attacker.sha1());
                header["x5t#S256"] = json!(self.attacker.sha256());
            }),
        );
        for kid in [
            json!("../../../../dev/null"),
            json!("/dev/null"),
            json!("x' UNION SELECT 'key"),
            json!("x\" OR 1=1 --"),
            json!("|| id"),
            json!("https://evil.example/key"),
            json!("\u{0}"),
            json!(1),
            json!(["x"]),
        ] {
            let name = format!("another key under kid {kid}");
            add(&name, self.forged(|header| header["kid"] = kid));
        }
        let mut nowhere = self.header.clone();
        nowhere["kid"] = json!("/dev/null");
        nowhere["alg"] = json!("HS256");
        let message = format!("{}.{}", encode_part(&nowhere), encode_part(&self.claims));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[0]), message.as_bytes());
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
        add("HS256 by an empty key under a kid of nothing", token);

        add("crit of b64", self.header_with("crit", json!(["b64"])));
        add("crit of something unknown", self.header_with("crit", json!(["x-new"])));
        add("an empty crit", self.header_with("crit", json!([])));
        for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE+JSON", "JWE", "id_token"] {
            add(&format!("typ {typ}"), self.header_with("typ", json!(typ)));
        }
        let doubled = header.replacen("\"alg\"", "\"alg\":\"none\",\"alg\"", 1);
        add("alg twice, none first", self.signed(&doubled, &claims));
        let doubled = format!("{},\"alg\":\"none\"}}", &header[..header.len() - 1]);
        add("alg twice, none last", self.signed(&doubled, &claims));
        for claim in ["exp", "aud", "iss", "sub"] {
            let doubled = format!("{},\"{claim}\":{}}}", &claims[..claims.len() - 1], self.claims[claim]);
            add(&format!("{claim} twice"), self.signed(&header, &doubled));
        }
        let deep = format!("{}{}", "[".repeat(3_000), "]".repeat(3_000));
        add(
            "a header nested deep",
            self.signed(&format!("{},\"x\":{deep}}}", &header[..header.len() - 1]), &claims),
        );
        add("claims that are a list", self.signed(&header, &format!("[{claims}]")));
        add("a header that is a list", self.signed(&format!("[{header}]"), &claims));
        add("text behind the claims", self.signed(&header, &format!("{claims} x")));
        add("text behind the header", self.signed(&format!("{header}x"), &claims));
        add("claims cut short", self.signed(&header, &claims[..claims.len() - 1]));
        add("empty claims", self.signed(&header, ""));
        add("claims of nothing", self.signed(&header, "{}"));
        add("a huge claim", self.claims_with("x", json!("a".repeat(40_000))));
        add("a huge header", self.header_with("x", json!("a".repeat(40_000))));

        add("expired", self.claims_with("exp", json!(1)));
        add("expiry as text", self.claims_with("exp", json!("4102444800")));
        add(
            "expiry beyond numbers",
            self.signed(&header, &claims.replacen(&self.claims["exp"].to_string(), "1e400", 1)),
        );
        add("no expiry", self.claims_with("exp", Value::Null));
        add("not yet", self.claims_with("nbf", json!(4_102_444_800_i64)));
        let audience = self.claims["aud"].as_str().unwrap();
        for (name, aud) in [
            ("another audience", json!("https://evil.example")),
            ("an audience that looks alike", json!(audience.replacen('a', "\u{430}", 1))),
            ("an audience with more behind it", json!(format!("{audience}.evil.example"))),
            ("an audience with a blank", json!(format!(" {audience}"))),
            ("an audience with a zero byte", json!(format!("{audience}\u{0}"))),
            ("two audiences", json!([audience, "https://evil.example"])),
            ("no audience", Value::Null),
        ] {
            add(name, self.claims_with("aud", aud));
        }
        let issuer = self.claims["iss"].as_str().unwrap();
        for (name, iss) in [
            ("another issuer", json!("https://evil.example/")),
            ("an issuer with more behind it", json!(format!("{issuer}.evil.example"))),
            ("an issuer with a zero byte", json!(format!("{issuer}\u{0}"))),
            ("a list of issuers", json!([issuer])),
            ("no issuer", Value::Null),
        ] {
            add(name, self.claims_with("iss", iss));
        }

        let mut changed = self.claims.clone();
        changed["roles"] = json!(["Machine.ReadWrite.All"]);
        add(
            "other claims under the old signature",
            format!("{}.{}.{}", parts[0], encode_part(&changed), parts[2]),
        );
        add("no signature", format!("{}.{}.", parts[0], parts[1]));
        add("half a signature", self.with_signature(&signature[..128]));
        add("a signature short of a byte", self.with_signature(&signature[..255]));
        add("a signature with a byte more", self.with_signature(&[&signature[..], &[0]].concat()));
        add("a signature with a zero before it", self.with_signature(&[&[0], &signature[..]].concat()));
        add("a signature of zeros", self.with_signature(&[0; 256]));
        add("a signature of ones", self.with_signature(&[0xff; 256]));
        for at in [0, 100, 255] {
            let mut flipped = signature.clone();
            flipped[at] ^= 1;
            add(&format!("a signature with bit {at} flipped"), self.with_signature(&flipped));
        }
        add("the signature of the header alone", self.with_signature(&(self.sign)(parts[0].as_bytes())));
        add(
            "the signature of the decoded texts",
            self.with_signature(&(self.sign)(format!("{header}.{claims}").as_bytes())),
        );
        let last = parts[2].chars().last().unwrap();
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let next = alphabet.chars().nth(alphabet.find(last).unwrap() ^ 1).unwrap();
        add("unused bits of the last letter set", format!("{}{next}", &good[..good.len() - 1]));
        add("padding", format!("{good}="));
        add("padded parts", format!("{}.{}.{}", URL_SAFE.encode(&header), parts[1], parts[2]) + "==");
        add("a part more", format!("{good}.x"));
        add("an empty part more", format!("{good}."));
        add("a part less", format!("{}.{}", parts[0], parts[1]));
        add("an empty part before", format!(".{good}"));
        add("five parts, as if encrypted", format!("{}..{}.{}.{}", parts[0], parts[0], parts[1], parts[2]));
        add("parts in another order", format!("{}.{}.{}", parts[1], parts[0], parts[2]));
        add("a line break inside", format!("{}\n.{}.{}", parts[0], parts[1], parts[2]));
        add("a blank inside", format!("{}. {}.{}", parts[0], parts[1], parts[2]));
        add("a zero byte behind", format!("{good}\u{0}"));
        add("letters of another alphabet", format!("{}\u{ff21}.{}.{}", &parts[0][1..], parts[1], parts[2]));
        add(
            "as JSON",
            json!({ "protected": parts[0], "payload": parts[1], "signature": parts[2] }).to_string(),
        );
        add("wrapped in another token", self.signed(&header, &json!({ "token": good }).to_string()));
        add("nothing", String::new());
        add("dots", "..".to_owned());
        add("much", "a".repeat(1 << 20));
        all
    }
}

#[test]
fn every_attack_is_refused_as_an_access_token() {
    let fixture: &Fixture = shared();
    let token = run(fixture.token(identity::TokenVersion::V2));
    let row = run(fixture.store.signing_keys()).unwrap().remove(0);
    let jwk = fixture.issuer.jwks()["keys"][0].clone();
    let modulus = jwk["n"].as_str().unwrap().to_owned();
    let attacker = Certified::new(2030);
    let sign = |message: &[u8]| {
        let text = crate::verify::sign(&row.sealed, &row.kid, message);
        URL_SAFE_NO_PAD.decode(text).unwrap()
    };
    let target = Target {
        header: json!({ "typ": "JWT", "alg": "RS256", "kid": row.kid }),
        claims: claims_of(&token),
        good: token.clone(),
        sign: &sign,
        public: vec![
            modulus.clone().into_bytes(),
            URL_SAFE_NO_PAD.decode(modulus).unwrap(),
            jwk.to_string().into_bytes(),
            row.kid.clone().into_bytes(),
        ],
        attacker: &attacker,
    };
    let resigned = target.signed(&target.header.to_string(), &target.claims.to_string());
    for good in [&token, &resigned] {
        assert!(run(fixture.issuer.verify(good)).is_ok(), "the good token is taken");
    }
    let attacks = target.attacks();
    assert!(attacks.len() >= 60, "{}", attacks.len());
    let taken: Vec<&str> = attacks
        .iter()
        .filter(|(_, attack)| run(fixture.issuer.verify(attack)).is_ok())
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(taken, [""; 0]);
}

#[test]
fn every_attack_is_refused_as_a_client_assertion() {
    run(async {
        let world = World::new().await;
        let (own, attacker) = (Certified::new(2030), Certified::new(2030));
        world.issuer.add_certificate(world.tenant, world.app, &own.der).await.unwrap();
        let header = json!({ "typ": "JWT", "alg": "RS256", "x5t": own.sha1() });
        let sign = |message: &[u8]| own.sign_text(false, message);
        let target = |jti: &str| {
            let claims = assertion_claims(&world, jti);
            let good = own.sign(&header, &claims);
            Target {
                header: header.clone(),
                claims,
                good,
                sign: &sign,
                public: vec![own.der.clone(), own.pem.clone().into_bytes(), own.sha1().into_bytes()],
                attacker: &attacker,
            }
        };
        assert!(send(&world, &target("good").good).await.is_ok(), "the good assertion is taken");
        let attacks = target("attack").attacks();
        assert!(attacks.len() >= 60, "{}", attacks.len());
        let mut taken = Vec::new();
        for (name, attack) in &attacks {
            // What is unknown in the header of an assertion is read past, without recursion.
            if name != "a header nested deep" && send(&world, attack).await.is_ok() {
                taken.push(name.as_str());
            }
        }
        assert_eq!(taken, [""; 0]);
    });
}

#[test]
fn every_attack_is_refused_as_a_token_of_an_outside_issuer() {
    run(async {
        let (own, attacker) = (Certified::new(2030), Certified::new(2030));
        let world = crate::outside::World::new(&own).await;
        let sign = |message: &[u8]| own.sign_text(false, message);
        let (header, claims) = (crate::outside::header("one"), crate::outside::claims());
        let target = Target {
            good: own.sign(&header, &claims),
            header,
            claims,
            sign: &sign,
            public: vec![own.der.clone(), own.pem.clone().into_bytes(), world.published("one").into_bytes()],
            attacker: &attacker,
        };
        assert!(world.issuer.verify(&target.good).await.is_ok(), "the good token is taken");
        let mut taken = Vec::new();
        for (name, attack) in target.attacks() {
            if world.issuer.verify(&attack).await.is_ok() {
                taken.push(name);
            }
        }
        assert_eq!(taken, [""; 0]);
    });
}

#[test]
fn every_attack_is_refused_as_an_id_token_of_a_provider() {
    run(async {
        let attacker = Certified::new(2030);
        let world = crate::federation::World::new(|_| ()).await;
        let taken = world.takes(|own, header, claims| {
            let sign = |message: &[u8]| own.sign_text(false, message);
            let good = own.sign(&header, &claims);
            let public = vec![own.der.clone(), own.pem.clone().into_bytes(), b"bartizan".to_vec()];
            let target = Target { good, header, claims, sign: &sign, public, attacker: &attacker };
            let mut all = target.attacks();
            assert!(all.len() >= 60, "{}", all.len());
            all.push(("the good one".to_owned(), target.good));
            all
        });
        assert_eq!(taken.await, ["the good one"]);
    });
}
