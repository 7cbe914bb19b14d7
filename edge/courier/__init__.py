"""Records to the hub: an outbox on disk, MQTT, and the hub's word that they are stored. No camera."""
