//! Numbers that auditd writes, and the names they have.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::values::plain;

/// Kinds of records.
const KINDS: &[(i64, &str)] = &[
    (1006, "LOGIN"),
    (1100, "USER_AUTH"),
    (1101, "USER_ACCT"),
    (1102, "USER_MGMT"),
    (1103, "CRED_ACQ"),
    (1104, "CRED_DISP"),
    (1105, "USER_START"),
    (1106, "USER_END"),
    (1107, "USER_AVC"),
    (1108, "USER_CHAUTHTOK"),
    (1109, "USER_ERR"),
    (1110, "CRED_REFR"),
    (1111, "USYS_CONFIG"),
    (1112, "USER_LOGIN"),
    (1113, "USER_LOGOUT"),
    (1114, "ADD_USER"),
    (1115, "DEL_USER"),
    (1116, "ADD_GROUP"),
    (1117, "DEL_GROUP"),
    (1118, "DAC_CHECK"),
    (1119, "CHGRP_ID"),
    (1120, "TEST"),
    (1121, "TRUSTED_APP"),
    (1122, "USER_SELINUX_ERR"),
    (1123, "USER_CMD"),
    (1124, "USER_TTY"),
    (1125, "CHUSER_ID"),
    (1126, "GRP_AUTH"),
    (1127, "SYSTEM_BOOT"),
    (1128, "SYSTEM_SHUTDOWN"),
    (1129, "SYSTEM_RUNLEVEL"),
    (1130, "SERVICE_START"),
    (1131, "SERVICE_STOP"),
    (1132, "GRP_MGMT"),
    (1133, "GRP_CHAUTHTOK"),
    (1134, "MAC_CHECK"),
    (1135, "ACCT_LOCK"),
    (1136, "ACCT_UNLOCK"),
    (1137, "USER_DEVICE"),
    (1138, "SOFTWARE_UPDATE"),
    (1200, "DAEMON_START"),
    (1201, "DAEMON_END"),
    (1202, "DAEMON_ABORT"),
    (1203, "DAEMON_CONFIG"),
    (1204, "DAEMON_RECONFIG"),
    (1205, "DAEMON_ROTATE"),
    (1206, "DAEMON_RESUME"),
    (1207, "DAEMON_ACCEPT"),
    (1208, "DAEMON_CLOSE"),
    (1209, "DAEMON_ERR"),
    (1300, "SYSCALL"),
    (1302, "PATH"),
    (1303, "IPC"),
    (1304, "SOCKETCALL"),
    (1305, "CONFIG_CHANGE"),
    (1306, "SOCKADDR"),
    (1307, "CWD"),
    (1309, "EXECVE"),
    (1311, "IPC_SET_PERM"),
    (1312, "MQ_OPEN"),
    (1313, "MQ_SENDRECV"),
    (1314, "MQ_NOTIFY"),
    (1315, "MQ_GETSETATTR"),
    (1316, "KERNEL_OTHER"),
    (1317, "FD_PAIR"),
    (1318, "OBJ_PID"),
    (1319, "TTY"),
    (1320, "EOE"),
    (1321, "BPRM_FCAPS"),
    (1322, "CAPSET"),
    (1323, "MMAP"),
    (1324, "NETFILTER_PKT"),
    (1325, "NETFILTER_CFG"),
    (1326, "SECCOMP"),
    (1327, "PROCTITLE"),
    (1328, "FEATURE_CHANGE"),
    (1329, "REPLACE"),
    (1330, "KERN_MODULE"),
    (1331, "FANOTIFY"),
    (1332, "TIME_INJOFFSET"),
    (1333, "TIME_ADJNTPVAL"),
    (1334, "BPF"),
    (1335, "EVENT_LISTENER"),
    (1336, "URINGOP"),
    (1337, "OPENAT2"),
    (1400, "AVC"),
    (1401, "SELINUX_ERR"),
    (1402, "AVC_PATH"),
    (1403, "MAC_POLICY_LOAD"),
    (1404, "MAC_STATUS"),
    (1405, "MAC_CONFIG_CHANGE"),
    (1700, "ANOM_PROMISCUOUS"),
    (1701, "ANOM_ABEND"),
    (1702, "ANOM_LINK"),
    (1703, "ANOM_CREAT"),
    (1800, "INTEGRITY_DATA"),
    (1805, "INTEGRITY_RULE"),
    (2100, "ANOM_LOGIN_FAILURES"),
    (2101, "ANOM_LOGIN_TIME"),
    (2102, "ANOM_LOGIN_SESSIONS"),
    (2103, "ANOM_LOGIN_ACCT"),
    (2104, "ANOM_LOGIN_LOCATION"),
    (2105, "ANOM_MAX_DAC"),
    (2106, "ANOM_MAX_MAC"),
    (2107, "ANOM_AMTU_FAIL"),
    (2108, "ANOM_RBAC_FAIL"),
    (2109, "ANOM_RBAC_INTEGRITY_FAIL"),
    (2110, "ANOM_CRYPTO_FAIL"),
    (2111, "ANOM_ACCESS_FS"),
    (2112, "ANOM_EXEC"),
    (2113, "ANOM_MK_EXEC"),
    (2114, "ANOM_ADD_ACCT"),
    (2115, "ANOM_DEL_ACCT"),
    (2116, "ANOM_MOD_ACCT"),
    (2117, "ANOM_ROOT_TRANS"),
    (2118, "ANOM_LOGIN_SERVICE"),
    (2119, "ANOM_LOGIN_ROOT"),
    (2120, "ANOM_ORIGIN_FAILURES"),
    (2121, "ANOM_SESSION"),
    (2300, "USER_ROLE_CHANGE"),
    (2400, "CRYPTO_TEST_USER"),
    (2404, "CRYPTO_KEY_USER"),
    (2407, "CRYPTO_SESSION"),
];

/// System calls that rows are made of or that are often audited, with their numbers on x86-64, x86 and
/// AArch64; -1 where there is none.
const SYSCALLS: &[(&str, [i64; 3])] = &[
    ("open", [2, 5, -1]),
    ("openat", [257, 295, 56]),
    ("openat2", [437, 437, 437]),
    ("creat", [85, 8, -1]),
    ("truncate", [76, 92, 45]),
    ("unlink", [87, 10, -1]),
    ("unlinkat", [263, 301, 35]),
    ("rmdir", [84, 40, -1]),
    ("mkdir", [83, 39, -1]),
    ("mkdirat", [258, 296, 34]),
    ("rename", [82, 38, -1]),
    ("renameat", [264, 302, 38]),
    ("renameat2", [316, 353, 276]),
    ("link", [86, 9, -1]),
    ("linkat", [265, 303, 37]),
    ("symlink", [88, 83, -1]),
    ("symlinkat", [266, 304, 36]),
    ("mknod", [133, 14, -1]),
    ("mknodat", [259, 297, 33]),
    ("execve", [59, 11, 221]),
    ("execveat", [322, 358, 281]),
    ("connect", [42, 362, 203]),
    ("accept", [43, -1, 202]),
    ("accept4", [288, 364, 242]),
    ("bind", [49, 361, 200]),
    ("socketcall", [-1, 102, -1]),
    ("init_module", [175, 128, 105]),
    ("finit_module", [313, 350, 273]),
    ("delete_module", [176, 129, 106]),
    ("ptrace", [101, 26, 117]),
    ("kill", [62, 37, 129]),
    ("mount", [165, 21, 40]),
    ("chmod", [90, 15, -1]),
    ("fchmod", [91, 94, 52]),
    ("fchmodat", [268, 306, 53]),
    ("chown", [92, 182, -1]),
    ("fchownat", [260, 298, 54]),
    ("setuid", [105, 23, 146]),
    ("setxattr", [188, 226, 5]),
    ("settimeofday", [164, 79, 170]),
    ("adjtimex", [159, 124, 171]),
    ("clock_settime", [227, 264, 112]),
    ("clock_adjtime", [305, 343, 266]),
    ("sethostname", [170, 74, 161]),
    ("getsockname", [51, 367, 204]),
    ("getpeername", [52, 368, 205]),
    ("sendto", [44, 369, 206]),
    ("recvfrom", [45, 371, 207]),
];

/// The name of a kind that may be written as a number: `1300`, `UNKNOWN[1300]` or `SYSCALL`.
pub(super) fn kind_name(kind: &str) -> Cow<'_, str> {
    let inside = kind.strip_prefix("UNKNOWN[").and_then(|rest| rest.strip_suffix(']'));
    let number: Option<i64> = inside.unwrap_or(kind).parse().ok();
    let known = number.and_then(|number| KINDS.iter().find(|(known, _)| *known == number));
    known.map_or_else(|| plain(kind), |(_, name)| Cow::Borrowed(*name))
}

pub(super) fn kind_number(name: &str) -> Option<i64> {
    KINDS.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
}

/// The name of a system call by architecture and number.
pub(super) fn syscall_name(architecture: &str, number: i64) -> Option<&'static str> {
    let column = match architecture {
        "c000003e" | "x86_64" => 0,
        "40000003" | "i386" => 1,
        "c00000b7" | "aarch64" => 2,
        _ => return None,
    };
    SYSCALLS.iter().find(|(_, numbers)| number >= 0 && numbers[column] == number).map(|(name, _)| *name)
}

/// Bytes written as pairs of hexadecimal digits.
pub(super) fn hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|pair| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()).collect()
}

/// Where a socket leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Ip(IpAddr, u16),
    /// A path, or a name that begins with `@`.
    Unix(String),
    Other(&'static str),
}

/// Reads a socket address as the kernel holds it.
pub(super) fn address(bytes: &[u8]) -> Option<Address> {
    let family = u16::from_le_bytes(*bytes.first_chunk()?);
    let port = || Some(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?));
    Some(match family {
        1 => {
            let path = &bytes[2..];
            let (mark, path) = match path.split_first() {
                Some((0, abstract_name)) => ("@", abstract_name),
                _ => ("", path),
            };
            let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
            Address::Unix(format!("{mark}{}", String::from_utf8_lossy(path)))
        }
        2 => {
            let octets: [u8; 4] = *bytes.get(4..)?.first_chunk()?;
            Address::Ip(IpAddr::V4(Ipv4Addr::from(octets)), port()?)
        }
        10 => {
            // The flow lies between the port and the address.
            let octets: [u8; 16] = *bytes.get(8..)?.first_chunk()?;
            Address::Ip(IpAddr::V6(Ipv6Addr::from(octets)), port()?)
        }
        0 => Address::Other("unspecified"),
        16 => Address::Other("netlink"),
        17 => Address::Other("packet"),
        _ => Address::Other("other"),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique() {
        let (mut names, mut numbers) = (HashSet::new(), HashSet::new());
        assert!(KINDS.iter().all(|(number, name)| names.insert(*name) && numbers.insert(*number)));
        let mut calls = HashSet::new();
        for (name, of_architectures) in SYSCALLS {
            assert!(names.insert(*name));
            let known = of_architectures.iter().enumerate().filter(|(_, number)| **number >= 0);
            assert!(known.into_iter().all(|place| calls.insert(place)), "{name}");
        }
        assert_eq!((kind_name("1300"), kind_name("UNKNOWN[1400]")), ("SYSCALL".into(), "AVC".into()));
        assert_eq!((kind_name("UNKNOWN[9]"), kind_number("EXECVE")), ("UNKNOWN[9]".into(), Some(1309)));
        assert_eq!((syscall_name("c00000b7", 221), syscall_name("40000003", 59)), (Some("execve"), None));
    }

    #[test]
    fn addresses_are_read_from_their_bytes() {
        let unix = |path: &str| Some(Address::Unix(path.to_owned()));
        let ip = |ip: &str, port| Some(Address::Ip(ip.parse().unwrap(), port));
        for (text, expected) in [
            ("020001BBC00002010000000000000000", ip("192.0.2.1", 443)),
            ("0A0000160000000020010DB800000000000000000000000100000000", ip("2001:db8::1", 22)),
            ("01002F72756E2F782E736F636B00FFFF", unix("/run/x.sock")),
            ("0100002F746D702F61", unix("@/tmp/a")),
            ("100000000000000000000000", Some(Address::Other("netlink"))),
            ("0200", None),
            ("02", None),
            ("zz", None),
        ] {
            assert_eq!(hex(text).and_then(|bytes| address(&bytes)), expected, "{text}");
        }
    }
}
