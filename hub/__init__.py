"""The hub in the shop: MQTT in, one store, nudges and pages out."""
