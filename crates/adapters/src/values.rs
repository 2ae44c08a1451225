//! Readers for single values: what a source writes, as the tables hold it.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The text, unless it says "none": empty, `-`, or the SID of nobody.
pub(crate) fn present(text: &str) -> Option<&str> {
    let text = text.trim();
    (!matches!(text, "" | "-" | "S-1-0-0")).then_some(text)
}

/// A name that a source gave, as it is shown: trimmed, without control characters, of 80 characters at most.
/// It may be empty.
pub(crate) fn plain(name: &str) -> Cow<'_, str> {
    const CHARS_MAX: usize = 80;
    let name = name.trim();
    if name.len() <= CHARS_MAX && !name.contains(char::is_control) {
        return Cow::Borrowed(name);
    }
    let plain: String = name.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect();
    Cow::Owned(plain.trim().to_owned())
}

/// A number in decimal or, with the prefix `0x`, in hexadecimal.
pub(crate) fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => i64::try_from(u64::from_str_radix(hex, 16).ok()?).ok(),
        None => text.parse().ok(),
    }
}

/// The last component of a Windows or POSIX path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().unwrap_or(path)
}

/// Domain and name of an account written `DOMAIN\name`, `name@REALM` or `name`.
pub(crate) fn account(text: &str) -> (Option<&str>, &str) {
    if let Some((domain, name)) = text.split_once('\\') {
        return (Some(domain), name);
    }
    match text.rsplit_once('@') {
        Some((name, realm)) if !name.is_empty() && !realm.is_empty() => (Some(realm), name),
        _ => (None, text),
    }
}

/// One digest out of `SHA1=..,MD5=..,SHA256=..,IMPHASH=..`, lower-case; an all-zero one is absent.
pub(crate) fn hash(text: &str, algorithm: &str, digits: usize) -> Option<String> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    let (_, digest) = pairs.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case(algorithm))?;
    let digest = digest.trim();
    let is_digest = digest.len() == digits && digest.bytes().all(|b| b.is_ascii_hexdigit());
    (is_digest && digest.bytes().any(|b| b != b'0')).then(|| digest.to_ascii_lowercase())
}

/// An address without its zone (`fe80::1%12`); nothing for the unspecified one.
pub(crate) fn ip(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address: IpAddr = text.split('%').next().unwrap_or(text).parse().ok()?;
    (address != IpAddr::V6(Ipv6Addr::UNSPECIFIED)).then_some(address)
}

/// The IPv4 address inside `::ffff:a.b.c.d`; any other address as it is.
pub(crate) fn unmapped_ip(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// The value of `LocalIPType` and `RemoteIPType`.
pub(crate) fn ip_type(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(v4) => ipv4_type(v4),
        IpAddr::V6(v6) => ipv6_type(v6),
    }
}

fn ipv4_type(v4: Ipv4Addr) -> &'static str {
    match v4.octets() {
        [255, 255, 255, 255] => "Broadcast",
        [127, ..] => "Loopback",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "Private",
        [169, 254, ..] => "LinkLocal",
        [224..=239, ..] => "Multicast",
        [0 | 240..=255, ..] | [100, 64..=127, ..] | [192, 0, 0 | 2, _] => "Reserved",
        [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => "Reserved",
        _ => "Public",
    }
}

fn ipv6_type(v6: Ipv6Addr) -> &'static str {
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => "Loopback",
        [0, 0, 0, 0, 0, 0xffff, ..] => "FourToSixMapping",
        [0, ..] | [0x2001, 0x0db8, ..] => "Reserved",
        [0x2001, 0, ..] => "Teredo",
        [0xfc00..=0xfdff, ..] => "Private",
        [0xfe80..=0xfebf, ..] => "LinkLocal",
        [0xff00..=0xffff, ..] => "Multicast",
        _ => "Public",
    }
}

/// `Tcp` for `tcp` or `6`, and so on; an unknown one as written.
pub(crate) fn protocol(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(match text.trim().to_ascii_lowercase().as_str() {
        "1" | "icmp" => "Icmp",
        "6" | "tcp" => "Tcp",
        "17" | "udp" => "Udp",
        "58" | "icmpv6" => "IcmpV6",
        _ => return Cow::Borrowed(text.trim()),
    })
}

pub(crate) fn logon_type(text: &str) -> &'static str {
    match number(text) {
        Some(0) => "System",
        Some(2) => "Interactive",
        Some(3) => "Network",
        Some(4) => "Batch",
        Some(5) => "Service",
        Some(7) => "Unlock",
        Some(8) => "NetworkCleartext",
        Some(9) => "NewCredentials",
        Some(10) => "RemoteInteractive",
        Some(11) => "CachedInteractive",
        Some(12) => "CachedRemoteInteractive",
        Some(13) => "CachedUnlock",
        _ => "Unknown",
    }
}

/// Why a logon failed, by NTSTATUS; nothing for codes without a name.
pub(crate) fn logon_failure(status: &str) -> Option<&'static str> {
    Some(match number(status)? {
        0xc000_0064 | 0xc000_006a | 0xc000_006d => "InvalidUserNameOrPassword",
        0xc000_006e => "AccountRestriction",
        0xc000_006f => "OutsideLogonHours",
        0xc000_0070 => "WorkstationNotAllowed",
        0xc000_0071 => "PasswordExpired",
        0xc000_0072 => "AccountDisabled",
        0xc000_010b => "InvalidLogonType",
        0xc000_0133 => "ClockSkew",
        0xc000_015b => "LogonTypeNotGranted",
        0xc000_0192 => "NetlogonNotStarted",
        0xc000_0193 => "AccountExpired",
        0xc000_0224 => "PasswordMustChange",
        0xc000_0234 => "AccountLockedOut",
        0xc000_0413 => "AuthenticationFirewall",
        _ => return None,
    })
}

/// An integrity level by name or by the SID of its mandatory label.
pub(crate) fn integrity(text: &str) -> Option<&str> {
    Some(match text {
        "AppContainer" => "Low",
        "no level" => return None,
        "S-1-16-0" => "Untrusted",
        "S-1-16-4096" => "Low",
        "S-1-16-8192" | "S-1-16-8448" => "Medium",
        "S-1-16-12288" => "High",
        "S-1-16-16384" => "System",
        "S-1-16-20480" => "ProtectedProcess",
        _ => text,
    })
}

pub(crate) fn token_elevation(text: &str) -> Option<&'static str> {
    Some(match text {
        "%%1936" => "TokenElevationTypeDefault",
        "%%1937" => "TokenElevationTypeFull",
        "%%1938" => "TokenElevationTypeLimited",
        _ => return None,
    })
}

/// A registry path with the long hive names of the tables.
pub(crate) fn registry_path(path: &str) -> Cow<'_, str> {
    const HIVES: [(&str, &str); 6] = [
        ("HKLM", r"HKEY_LOCAL_MACHINE"),
        ("HKU", r"HKEY_USERS"),
        ("HKCR", r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes"),
        ("HKCU", r"HKEY_CURRENT_USER"),
        (r"\REGISTRY\MACHINE", r"HKEY_LOCAL_MACHINE"),
        (r"\REGISTRY\USER", r"HKEY_USERS"),
    ];
    for (short, long) in HIVES {
        if let Some((start, rest)) = path.split_at_checked(short.len())
            && start.eq_ignore_ascii_case(short)
            && (rest.is_empty() || rest.starts_with('\\'))
        {
            return Cow::Owned(format!("{long}{rest}"));
        }
    }
    Cow::Borrowed(path)
}

/// Type and data of a registry value as Sysmon writes it in `Details`.
pub(crate) fn registry_details(details: &str) -> (&'static str, Option<Cow<'_, str>>) {
    let inside = |prefix: &str| details.strip_prefix(prefix)?.strip_suffix(')');
    if let Some(value) = inside("DWORD (").and_then(number) {
        return ("Dword", Some(Cow::Owned(value.to_string())));
    }
    if let Some((high, low)) = inside("QWORD (").and_then(|pair| pair.split_once('-'))
        && let (Some(high), Some(low)) = (number(high), number(low))
        && let (Ok(high), Ok(low)) = (u32::try_from(high), u32::try_from(low))
    {
        return ("Qword", Some(Cow::Owned((u64::from(high) << 32 | u64::from(low)).to_string())));
    }
    match details {
        "Binary Data" => ("Binary", None),
        "(Empty)" | "" => ("String", None),
        text => ("String", Some(Cow::Borrowed(text))),
    }
}

/// The program of a command line: what is quoted, or what comes before the first blank.
pub(crate) fn command_program(command: &str) -> &str {
    let command = command.trim_start();
    match command.strip_prefix('"') {
        Some(rest) => rest.split('"').next().unwrap_or(rest),
        None => {
            // An unquoted path may hold blanks: prefer the end of the first `.exe` or `.sys`.
            let lower = command.to_ascii_lowercase();
            let end =
                [".exe", ".sys"].iter().filter_map(|ending| Some(lower.find(ending)? + ending.len())).min();
            match end {
                Some(end) if lower[end..].starts_with([' ', '\t', '"']) || lower.len() == end => {
                    &command[..end]
                }
                _ => command.split_whitespace().next().unwrap_or(command),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        for (text, expected) in [
            ("292", Some(292)),
            ("0x3e7", Some(999)),
            ("0xC61D9", Some(811_481)),
            ("-1", Some(-1)),
            ("0xffffffffffffffff", None),
            ("", None),
            ("12a", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn names_without_control_characters() {
        let long = "é".repeat(100);
        for (text, expected) in
            [(" sshd ", "sshd"), ("a\nb", "ab"), ("\u{1} \u{2}", ""), ("", ""), (&*long, &*"é".repeat(80))]
        {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }

    #[test]
    fn ip_types() {
        for (text, expected) in [
            ("8.8.8.8", "Public"),
            ("172.16.0.1", "Private"),
            ("172.32.0.1", "Public"),
            ("127.0.0.1", "Loopback"),
            ("::1", "Loopback"),
            ("::ffff:10.0.0.1", "FourToSixMapping"),
            ("2001:0:4136:e378::1", "Teredo"),
            ("255.255.255.255", "Broadcast"),
            ("239.255.255.250", "Multicast"),
            ("ff02::fb", "Multicast"),
            ("fe80::1%12", "LinkLocal"),
            ("169.254.169.254", "LinkLocal"),
            ("fd00::1", "Private"),
            ("0.0.0.0", "Reserved"),
            ("2620:fe::9", "Public"),
        ] {
            assert_eq!(ip(text).map(ip_type), Some(expected), "{text}");
        }
        assert_eq!(ip("::"), None);
        assert_eq!(ip("-"), None);
    }

    #[test]
    fn registry_values() {
        for (text, kind, data) in [
            ("DWORD (0x00000001)", "Dword", Some("1")),
            ("QWORD (0x00000001-0x00000002)", "Qword", Some("4294967298")),
            ("Binary Data", "Binary", None),
            ("(Empty)", "String", None),
            ("DWORD (x)", "String", Some("DWORD (x)")),
        ] {
            assert_eq!(registry_details(text), (kind, data.map(Cow::Borrowed)), "{text}");
        }
        for (text, expected) in [
            (r"HKLM\System\X", r"HKEY_LOCAL_MACHINE\System\X"),
            (r"\REGISTRY\USER\S-1", r"HKEY_USERS\S-1"),
            (r"HKCR\.txt", r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes\.txt"),
            (r"HKLMX\a", r"HKLMX\a"),
        ] {
            assert_eq!(registry_path(text), expected);
        }
    }

    #[test]
    fn programs_of_commands() {
        for (text, expected) in [
            (r#""C:\A b\c.exe" -k x"#, r"C:\A b\c.exe"),
            (r"C:\Program Files\a.exe -x", r"C:\Program Files\a.exe"),
            (r"%COMSPEC% /C start", "%COMSPEC%"),
            (r"\??\C:\d.sys", r"\??\C:\d.sys"),
            ("", ""),
        ] {
            assert_eq!(command_program(text), expected);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,40}") {
            let _ = (present(&text), number(&text), account(&text), hash(&text, "MD5", 32), ip(&text));
            let _ = (registry_path(&text), registry_details(&text), command_program(&text), file_name(&text));
        }
    }
}
