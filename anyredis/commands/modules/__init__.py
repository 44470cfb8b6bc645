"""The commands of modules: JSON, search, time series, filters and sketches, one file a namespace."""
