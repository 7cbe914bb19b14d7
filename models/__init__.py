"""The models: fetched, trained, quantised, evaluated."""
