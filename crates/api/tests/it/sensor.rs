//! A device on the channel, as a sensor is one.

use std::sync::Mutex;

use actions::{Admission, Journal};
use axum::body::Body;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use model::{Clock, DeviceId, TenantId};
use sensor_proto::{
    Command, CommandKeys, Enrol, Enrolled, Outcome, Poll, PollAnswer, PrivateKey, PublicKey, Purpose,
    Receipt, Receipts, RequestSignature, Signed, VERSION, decode, digest_hex, encode,
};
use serde_json::{Value, json};

use crate::world::{Reply, World};

pub struct Sensor {
    pub key: PrivateKey,
    pub tenant: TenantId,
    pub device: DeviceId,
    pub command_keys: Mutex<CommandKeys>,
    pub journal: Journal,
}

/// What enrols a device of that name.
pub fn enrolment(token: &str, name: &str, key: &PrivateKey) -> Vec<u8> {
    let enrol = Enrol {
        version: VERSION,
        token: token.to_owned(),
        device_name: name.to_owned(),
        device_id: None,
        public_key: key.public().to_string(),
        agent: "test/1".to_owned(),
    };
    serde_json::to_vec(&Signed::seal(&enrol, Purpose::Enrol, key)).unwrap()
}

pub async fn token(world: &World, body: Value) -> String {
    let made = world.post("/api/devicechannel/tokens", body.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["value"][0].as_str().unwrap().to_owned()
}

impl Sensor {
    /// Enrols the device of the first tenant that has that name.
    pub async fn enrol(world: &World, name: &str) -> Sensor {
        let token = token(world, json!({})).await;
        let (key, _) = PrivateKey::generate().unwrap();
        let reply = world.send("POST", "/device/v1/enrol", None, enrolment(&token, name, &key)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let enrolled: Enrolled = decode(&reply.body).unwrap();
        assert_eq!(enrolled.device_id, DeviceId::from_name(world.one, name));
        let command_key = PublicKey::parse(&enrolled.command_key).unwrap();
        let command_keys = Mutex::new(CommandKeys::new(&command_key));
        let (tenant, device) = (enrolled.tenant_id, enrolled.device_id);
        Sensor { key, tenant, device, command_keys, journal: Journal::new() }
    }

    pub async fn call(&self, world: &World, method: &str, target: &str, body: impl Into<Vec<u8>>) -> Reply {
        let body = body.into();
        let who = (self.tenant, &self.device);
        let now = world.clock.now();
        let signed = RequestSignature::sign(&self.key, who, method, target, now, digest_hex(&body));
        self.call_as(world, method, target, &signed.header(), body).await
    }

    pub async fn call_as(
        &self,
        world: &World,
        method: &str,
        target: &str,
        header: &str,
        body: Vec<u8>,
    ) -> Reply {
        let request = Request::builder().method(method).uri(target).header(AUTHORIZATION, header);
        world.request(request.body(Body::from(body)).unwrap()).await
    }

    /// The commands that there are, once it knows the key that signs them.
    pub async fn poll(&self, world: &World) -> Vec<Command> {
        loop {
            let answer = self.ask(world).await;
            let mut keys = self.command_keys.lock().unwrap();
            if answer.keys.is_empty() {
                let open = |signed: &Signed| keys.open(signed, Purpose::Command, world.clock.now()).unwrap();
                return answer.commands.iter().map(open).collect();
            }
            for signed in &answer.keys {
                assert!(keys.follow(signed).unwrap());
            }
        }
    }

    pub async fn ask(&self, world: &World) -> PollAnswer {
        let state = self.journal.state();
        let poll = Poll {
            version: VERSION,
            agent: "test/1".to_owned(),
            state,
            running: Vec::new(),
            wait_seconds: 0,
            command_key: Some(self.command_keys.lock().unwrap().name().unwrap()),
        };
        let reply = self.call(world, "POST", "/device/v1/poll", encode(&poll)).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        decode(&reply.body).unwrap()
    }

    /// Takes every command and says that each came to this.
    pub async fn work(&mut self, world: &World, outcome: Outcome) -> Vec<Command> {
        let commands = self.poll(world).await;
        for command in &commands {
            assert_eq!(command.device_id, self.device);
            let now = world.clock.now();
            let answer = match self.journal.admit(command, now) {
                Admission::Begin => self.journal.finish(command, outcome.clone(), now),
                other => panic!("{other:?}"),
            };
            self.say(world, command, answer.outcome).await;
        }
        commands
    }

    pub async fn say(&self, world: &World, command: &Command, outcome: Outcome) {
        let receipt = Receipt {
            version: VERSION,
            id: command.id,
            tenant_id: self.tenant,
            device_id: self.device.clone(),
            sequence: command.sequence,
            at: world.clock.now(),
            outcome,
            is_simulated: false,
        };
        let receipts = vec![Signed::seal(&receipt, Purpose::Receipt, &self.key)];
        let body = encode(&Receipts { version: VERSION, receipts });
        let reply = self.call(world, "POST", "/device/v1/receipts", body).await;
        assert_eq!(reply.status, 204, "{}", reply.text());
    }
}
