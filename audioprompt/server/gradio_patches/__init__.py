"""All that leans on the private parts of Gradio, which may change with any version: one module a purpose.

- `importing`: ``gradio.component_meta.create_or_modify_pyi`` and ``gradio.events.EventListener.set_doc``, which are
  not to run, and the import of ``mcp``.
- `pages`: the loader of its templates, and the app and the configuration that it makes while a page is laid out.
- `assets`: its scripts, styles and fonts for the browser, and how they are sent.
- `files`: how files are uploaded, fetched and kept.
- `calls`: the request of the event at hand, what the API's page says of an endpoint, matplotlib around each call,
  ``gradio.Blocks.preprocess_data``, which reads what a call was given, and what lists to choose from take.
- `queue`: `gradio.queueing.Queue`, and the states of `gradio.state_holder`.
- `steps`: what `gradio.Blocks` takes in and sends of answers that come in steps, or too late.
- `late_tools`, `tools`: `gradio.mcp.GradioMCPServer`.

Each has its test in ``tests/unit/server/test_gradio_contract.py``, which fails when Gradio changes underneath.
"""
