//! Messages from outside: what is taken, what is refused, and that nothing makes a decoder fall over.

use expect_test::expect;
use model::{DeviceId, TenantId, Ticks};
use proptest::prelude::*;
use sensor_proto::*;
use uuid::Uuid;

fn tenant() -> TenantId {
    TenantId(Uuid::from_u128(1))
}

fn device() -> DeviceId {
    DeviceId::from_name(tenant(), "pc1.example")
}

fn command() -> Command {
    Command {
        version: VERSION,
        id: Uuid::from_u128(7),
        tenant_id: tenant(),
        device_id: device(),
        sequence: 3,
        issued: Ticks::parse("2026-03-03T07:00:00Z").unwrap(),
        expires: Ticks::parse("2026-03-06T07:00:00Z").unwrap(),
        order: Order::Isolate { mode: IsolationMode::Full },
    }
}

#[test]
fn a_signed_message_opens_with_its_key_and_purpose_only() {
    let (key, pkcs8) = PrivateKey::generate().unwrap();
    let (other, _) = PrivateKey::generate().unwrap();
    let signed = Signed::seal(&command(), Purpose::Command, &key);
    let again = PrivateKey::from_pkcs8(&pkcs8).unwrap().public();
    assert_eq!(signed.open::<Command>(Purpose::Command, &again), Ok(command()));
    assert_eq!(signed.key, again.name());
    let refused = Err(ProtoError::Signature { what: "command" });
    assert_eq!(signed.open::<Command>(Purpose::Command, &other.public()), refused);
    assert!(signed.open::<Command>(Purpose::Receipt, &key.public()).is_err());
    let mut changed = signed.clone();
    changed.payload.replace_range(..4, "eyJ2");
    let changed_bytes = changed.payload != signed.payload;
    assert!(!changed_bytes || changed.open::<Command>(Purpose::Command, &key.public()).is_err());
    for at in 0..signed.payload.len() {
        let mut changed = signed.clone();
        let other = if changed.payload.as_bytes()[at] == b'A' { "B" } else { "A" };
        changed.payload.replace_range(at..=at, other);
        assert!(changed.open::<Command>(Purpose::Command, &key.public()).is_err(), "byte {at}");
    }
}

#[test]
fn the_form_of_messages_is_this() {
    expect![[r#"{"version":1,"id":"00000000-0000-0000-0000-000000000007","tenantId":"00000000-0000-0000-0000-000000000001","deviceId":"e5a0b15c4474c82fbbbab96ddcd81012c1e26b4a","sequence":3,"issued":"2026-03-03T07:00:00.0000000Z","expires":"2026-03-06T07:00:00.0000000Z","order":{"kind":"isolate","mode":"Full"}}"#]]
    .assert_eq(&String::from_utf8(encode(&command())).unwrap());
    let live = Order::LiveResponse {
        commands: vec![LiveCommand::GetFile { path: "/etc/hosts".to_owned() }],
        result_bytes_max: 10,
    };
    expect![[
        r#"{"kind":"liveResponse","commands":[{"type":"GetFile","path":"/etc/hosts"}],"resultBytesMax":10}"#
    ]]
    .assert_eq(&serde_json::to_string(&live).unwrap());
    let receipt = Receipt {
        version: VERSION,
        id: Uuid::from_u128(7),
        tenant_id: tenant(),
        device_id: device(),
        sequence: 3,
        at: Ticks::parse("2026-03-03T07:00:01Z").unwrap(),
        outcome: Outcome::Failed { error: 5, message: "no rule could be set".to_owned() },
        is_simulated: true,
    };
    expect![[r#"{"version":1,"id":"00000000-0000-0000-0000-000000000007","tenantId":"00000000-0000-0000-0000-000000000001","deviceId":"e5a0b15c4474c82fbbbab96ddcd81012c1e26b4a","sequence":3,"at":"2026-03-03T07:00:01.0000000Z","outcome":{"kind":"failed","error":5,"message":"no rule could be set"},"isSimulated":true}"#]]
    .assert_eq(&String::from_utf8(encode(&receipt)).unwrap());
}

#[track_caller]
fn check_refused(bytes: &[u8], expected: &str) {
    assert_eq!(decode::<Command>(bytes).unwrap_err().to_string(), expected);
}

#[test]
fn what_is_wrong_with_a_message_is_told() {
    let with = |change: &dyn Fn(&mut Command)| {
        let mut command = command();
        change(&mut command);
        encode(&command)
    };
    check_refused(&with(&|c| c.version = 2), "the command has version 2, this side speaks 1");
    check_refused(
        &with(&|c| c.order = Order::StopAndQuarantine { sha1: "x".to_owned() }),
        "the command is outside its bounds: 'sha1' takes 40 hexadecimal digits in lower case",
    );
    let commands = vec![LiveCommand::GetFile { path: "a".to_owned() }; 33];
    check_refused(
        &with(&|c| c.order = Order::LiveResponse { commands: commands.clone(), result_bytes_max: 1 }),
        "the command is outside its bounds: 'commands' has more than 32 items",
    );
    check_refused(&vec![b' '; MESSAGE_BYTES_MAX + 1], "the command has 524289 bytes, more than 524288");
    assert!(decode::<Command>(b"{").is_err());
    // A newer peer may say more.
    let text = String::from_utf8(encode(&command())).unwrap().replacen('{', r#"{"more":[1],"#, 1);
    assert_eq!(decode::<Command>(text.as_bytes()), Ok(command()));
}

#[test]
fn a_request_is_signed_whole() {
    let (key, _) = PrivateKey::generate().unwrap();
    let (tenant, device) = (tenant(), device());
    let time = Ticks::parse("2026-03-03T07:00:01.5Z").unwrap();
    let digest = digest_hex(b"body");
    let made = RequestSignature::sign(&key, (tenant, &device), "POST", "/device/v1/poll?x=1", time, digest);
    let read = RequestSignature::parse(&made.header()).unwrap();
    assert_eq!(read, made);
    assert_eq!(read.verify(&key.public(), "POST", "/device/v1/poll?x=1"), Ok(()));
    assert!(read.verify(&key.public(), "GET", "/device/v1/poll?x=1").is_err());
    assert!(read.verify(&key.public(), "POST", "/device/v1/poll").is_err());
    let changed = |change: &dyn Fn(&mut RequestSignature)| {
        let mut changed = read.clone();
        change(&mut changed);
        changed.verify(&key.public(), "POST", "/device/v1/poll?x=1").is_err()
    };
    assert!(changed(&|r| r.tenant = TenantId(Uuid::from_u128(2))));
    assert!(changed(&|r| r.device = DeviceId::from_name(r.tenant, "pc2")));
    assert!(changed(&|r| r.time = r.time.plus_seconds(1)));
    assert!(changed(&|r| r.digest = digest_hex(b"other")));
    for header in [
        "",
        "Bearer x",
        "Bartizan-Device",
        "Bartizan-Device tenant=1",
        &made.header().replace("time=", "tame="),
    ] {
        assert_eq!(RequestSignature::parse(header), None, "{header}");
    }
    let twice = format!("{}, digest={}", made.header(), digest_hex(b"x"));
    assert_eq!(RequestSignature::parse(&twice), None);
}

/// Every decoder on the same bytes.
fn decode_all(bytes: &[u8]) {
    let _ = decode::<Command>(bytes);
    let _ = decode::<Poll>(bytes);
    let _ = decode::<PollAnswer>(bytes);
    let _ = decode::<Receipt>(bytes);
    let _ = decode::<Receipts>(bytes);
    let _ = decode::<Enrol>(bytes);
    let _ = decode::<Enrolled>(bytes);
    if let Ok(signed) = serde_json::from_slice::<Signed>(bytes) {
        let _ = signed.peek::<Command>();
    }
    let _ = RequestSignature::parse(&String::from_utf8_lossy(bytes));
    let _ = PublicKey::parse(&String::from_utf8_lossy(bytes));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        decode_all(&bytes);
    }

    #[test]
    fn a_damaged_message_is_read_or_refused(at in 0usize..300, byte in any::<u8>(), cut in 0usize..300) {
        let mut bytes = encode(&command());
        let length = bytes.len();
        bytes[at % length] = byte;
        decode_all(&bytes);
        decode_all(&bytes[..cut % length]);
    }
}

#[test]
fn deep_nesting_is_refused() {
    for depth in [1, 100, 127, 128, 129, 1_000, 50_000] {
        decode_all("[".repeat(depth).as_bytes());
        decode_all(r#"{"order":"#.repeat(depth).as_bytes());
        let nested = format!("{}{}", r#"{"more":"#.repeat(depth), "}".repeat(depth));
        assert!(decode::<Command>(nested.as_bytes()).is_err());
    }
}

#[test]
fn a_device_follows_the_key_that_its_present_key_signs() {
    let at = |time: &str| Ticks::parse(time).unwrap();
    let [first, second, third, other] = [(); 4].map(|()| PrivateKey::generate().unwrap().0);
    let (now, until) = (at("2026-03-03T07:00:00Z"), at("2026-03-04T07:00:00Z"));
    let follows = |old: &PrivateKey, new: &PrivateKey| Succession::seal(old, &new.public(), now, until);
    let sealed = |key: &PrivateKey| Signed::seal(&command(), Purpose::Command, key);
    let mut keys = CommandKeys::new(&first.public());
    let opens =
        |keys: &CommandKeys, key, now| keys.open::<Command>(&sealed(key), Purpose::Command, now).is_ok();

    // What others sign, and what is signed for something else, makes no key known.
    let mut forged = follows(&other, &second);
    assert_eq!(keys.follow(&forged), Ok(false));
    forged.key = first.public().name();
    assert_eq!(keys.follow(&forged), Err(ProtoError::Signature { what: "succession" }));
    let misused = Succession {
        version: VERSION,
        command_key: second.public().to_string(),
        issued: now,
        old_until: until,
    };
    assert!(keys.follow(&Signed::seal(&misused, Purpose::Command, &first)).is_err());
    assert_eq!(keys, CommandKeys::new(&first.public()));

    assert_eq!(keys.follow(&follows(&first, &second)), Ok(true));
    assert_eq!(keys.name(), Ok(second.public().name()));
    assert!(opens(&keys, &second, now) && opens(&keys, &first, now) && !opens(&keys, &other, now));
    assert!(opens(&keys, &second, until) && !opens(&keys, &first, until));
    // The old key, whoever has it by then, makes no key known any more, and the same again changes nothing.
    let before = keys.clone();
    assert_eq!(keys.follow(&follows(&first, &other)), Ok(false));
    assert_eq!(keys.follow(&follows(&first, &second)), Ok(false));
    assert_eq!(keys.follow(&follows(&second, &second)), Ok(false));
    assert_eq!(keys, before);
    // One key at a time is old.
    assert_eq!(keys.follow(&follows(&second, &third)), Ok(true));
    assert!(opens(&keys, &third, now) && opens(&keys, &second, now) && !opens(&keys, &first, now));
    let stored: CommandKeys = serde_json::from_str(&serde_json::to_string(&keys).unwrap()).unwrap();
    assert_eq!(stored, keys);
}
