"""Serving: which model versions answer for a system, and the gateway process that answers.

The controller writes the desired deployment of a system as a row (`service`); every gateway pulls it, loads the models
into worker processes and flips its routing in one assignment (`gateway`). Requests enter at the `edge`, rows meet in
batches (`batching`), cross a Unix socket as frames (`frames`) to the `worker` of their model version, and are written
to the observation log (`log`) before they are answered.
"""
