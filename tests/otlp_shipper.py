"""Sends the lines of its input as log records, with the exporter of OpenTelemetry.

Arguments: base URL, file of the certificate authority, id and secret of an app.
"""

import base64
import sys

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource

base, authority, client, secret = sys.argv[1:]
credentials = base64.b64encode(f"{client}:{secret}".encode()).decode()
exporter = OTLPLogExporter(
    endpoint=f"{base}/v1/logs",
    certificate_file=authority,
    headers={"Authorization": f"Basic {credentials}"},
    compression=Compression.Gzip,
)
provider = LoggerProvider(resource=Resource.create({"host.name": "web-3.example"}))
provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_export_batch_size=64))
logger = provider.get_logger("auditd")
for line in sys.stdin:
    logger.emit(LogRecord(body=line.rstrip("\n"), severity_number=SeverityNumber.INFO))
sys.exit(0 if provider.force_flush(20_000) else 1)
