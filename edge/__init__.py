"""One camera node: the eye that sees and may not speak, and the courier that speaks and may not see."""
