"""Numbers and byte layouts that programs see. No behaviour."""
