"""What the model side computes, on any backend of Keras."""
