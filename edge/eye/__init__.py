"""Camera to records: no network, no writable file, nothing out but 32-byte records."""
