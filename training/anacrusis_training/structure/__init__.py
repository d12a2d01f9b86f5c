"""The anticipator: which section plays and when the next one comes. Labels, plans, corpus, targets, network, training, export."""
