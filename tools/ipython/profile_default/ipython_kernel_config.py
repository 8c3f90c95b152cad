"How `make notebooks` executes: figures have two pixels for one, for fine screens."
c = get_config()  # noqa: F821
c.InlineBackend.figure_formats = {'retina'}
