//! The log sources of Sigma that rows can belong to.

use rsigma_parser::LogSource;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Product {
    Windows,
    Linux,
}

/// Where a rule looks: what it leaves open fits every row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub product: Option<Product>,
    pub category: Option<&'static str>,
    pub service: Option<&'static str>,
}

/// Categories that some row is routed to.
pub(crate) static CATEGORIES: &[&str] = &[
    "antivirus",
    "clipboard_capture",
    "create_remote_thread",
    "create_stream_hash",
    "dns",
    "dns_query",
    "driver_load",
    "file_access",
    "file_block_executable",
    "file_block_shredding",
    "file_change",
    "file_delete",
    "file_delete_detected",
    "file_event",
    "file_executable_detected",
    "file_rename",
    "image_load",
    "network_connection",
    "pipe_created",
    "process_access",
    "process_creation",
    "process_tampering",
    "process_termination",
    "ps_classic_provider_start",
    "ps_classic_script",
    "ps_classic_start",
    "ps_module",
    "ps_script",
    "raw_access_thread",
    "registry_add",
    "registry_delete",
    "registry_event",
    "registry_rename",
    "registry_set",
    "sysmon_error",
    "sysmon_status",
    "wmi_event",
];

/// Service and the event channel it stands for.
pub(crate) static CHANNELS: &[(&str, &str)] = &[
    ("security", "Security"),
    ("system", "System"),
    ("application", "Application"),
    ("sysmon", SYSMON),
    ("sysmon", SYSMON_LINUX),
    ("powershell", POWERSHELL),
    ("powershell", POWERSHELL_CORE),
    ("powershell-classic", POWERSHELL_CLASSIC),
    ("applocker", "Microsoft-Windows-AppLocker/EXE and DLL"),
    ("applocker", "Microsoft-Windows-AppLocker/MSI and Script"),
    ("applocker", "Microsoft-Windows-AppLocker/Packaged app-Deployment"),
    ("applocker", "Microsoft-Windows-AppLocker/Packaged app-Execution"),
    ("appmodel-runtime", "Microsoft-Windows-AppModel-Runtime/Admin"),
    ("appxdeployment-server", "Microsoft-Windows-AppXDeploymentServer/Operational"),
    ("appxpackaging-om", "Microsoft-Windows-AppxPackaging/Operational"),
    ("bits-client", "Microsoft-Windows-Bits-Client/Operational"),
    ("capi2", "Microsoft-Windows-CAPI2/Operational"),
    (
        "certificateservicesclient-lifecycle-system",
        "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational",
    ),
    ("codeintegrity-operational", "Microsoft-Windows-CodeIntegrity/Operational"),
    ("dhcp", "Microsoft-Windows-DHCP-Server/Operational"),
    ("diagnosis-scripted", "Microsoft-Windows-Diagnosis-Scripted/Operational"),
    ("dns-client", "Microsoft-Windows-DNS-Client/Operational"),
    ("dns-client", "Microsoft-Windows-DNS Client Events/Operational"),
    ("dns-server", "DNS Server"),
    ("dns-server-analytic", "Microsoft-Windows-DNS-Server/Analytical"),
    ("dns-server-audit", "Microsoft-Windows-DNS-Server/Audit"),
    ("driver-framework", "Microsoft-Windows-DriverFrameworks-UserMode/Operational"),
    ("firewall-as", "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall"),
    ("iis-configuration", "Microsoft-IIS-Configuration/Operational"),
    ("ldap", "Microsoft-Windows-LDAP-Client/Debug"),
    ("lsa-server", "Microsoft-Windows-LSA/Operational"),
    ("microsoft-servicebus-client", "Microsoft-ServiceBus-Client"),
    ("microsoft-servicebus-client", "Microsoft-ServiceBus-Client/Admin"),
    ("microsoft-servicebus-client", "Microsoft-ServiceBus-Client/Operational"),
    ("msexchange-management", "MSExchange Management"),
    ("ntlm", "Microsoft-Windows-NTLM/Operational"),
    ("openssh", "OpenSSH/Operational"),
    ("printservice-admin", "Microsoft-Windows-PrintService/Admin"),
    ("printservice-operational", "Microsoft-Windows-PrintService/Operational"),
    ("security-mitigations", "Microsoft-Windows-Security-Mitigations/Kernel Mode"),
    ("security-mitigations", "Microsoft-Windows-Security-Mitigations/User Mode"),
    ("shell-core", "Microsoft-Windows-Shell-Core/Operational"),
    ("smbclient-connectivity", "Microsoft-Windows-SmbClient/Connectivity"),
    ("smbclient-security", "Microsoft-Windows-SmbClient/Security"),
    ("smbserver-connectivity", "Microsoft-Windows-SMBServer/Connectivity"),
    ("taskscheduler", "Microsoft-Windows-TaskScheduler/Operational"),
    (
        "terminalservices-localsessionmanager",
        "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
    ),
    ("vhdmp", "Microsoft-Windows-VHDMP/Operational"),
    ("windefend", DEFENDER),
    ("wmi", "Microsoft-Windows-WMI-Activity/Operational"),
    ("auditd", AUDITD),
];

pub(crate) const SYSMON: &str = "Microsoft-Windows-Sysmon/Operational";
pub(crate) const SYSMON_LINUX: &str = "Linux-Sysmon/Operational";
pub(crate) const POWERSHELL: &str = "Microsoft-Windows-PowerShell/Operational";
pub(crate) const POWERSHELL_CORE: &str = "PowerShellCore/Operational";
pub(crate) const POWERSHELL_CLASSIC: &str = "Windows PowerShell";
pub(crate) const DEFENDER: &str = "Microsoft-Windows-Windows Defender/Operational";
/// Not a channel of Windows: what rows of auditd name as their provider.
pub(crate) const AUDITD: &str = "auditd";

impl Key {
    /// Where a rule looks, or why no row can ever be shown to it.
    pub(crate) fn of(source: &LogSource) -> Result<Key, String> {
        let product = match source.product.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None => None,
            Some("windows") => Some(Product::Windows),
            Some("linux") => Some(Product::Linux),
            Some(other) => return Err(format!("no rows of product '{other}'")),
        };
        let category = match source.category.as_deref() {
            None => None,
            Some(name) => Some(
                find(CATEGORIES.iter().copied(), name)
                    .ok_or_else(|| format!("no rows of category '{name}'"))?,
            ),
        };
        let service = match source.service.as_deref() {
            None => None,
            Some(name) => Some(
                find(CHANNELS.iter().map(|(service, _)| *service), name)
                    .ok_or_else(|| format!("no rows of service '{name}'"))?,
            ),
        };
        if product.is_none() && category.is_none() && service.is_none() {
            return Err("the log source names no product, category or service".to_owned());
        }
        Ok(Key { product, category, service })
    }
}

fn find(mut names: impl Iterator<Item = &'static str>, name: &str) -> Option<&'static str> {
    names.find(|known| known.eq_ignore_ascii_case(name))
}
