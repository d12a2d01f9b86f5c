"""The fast controller: songs, objectives, training, measures, export. See docs/controller.md."""
