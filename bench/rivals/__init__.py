"""The eye beside what people would pick instead, on the same frames in one run: ``make rivals``."""
