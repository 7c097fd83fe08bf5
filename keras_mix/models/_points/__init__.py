"""Where a model can be mixed: its inputs and layers by name, the flow of data, the defaults."""
