"""The simulated shop: real photographs of faces on drawn shoppers, with the truth of who was where."""
