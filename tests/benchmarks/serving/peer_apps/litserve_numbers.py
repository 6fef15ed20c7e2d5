"""LitServe: BENCH_WORKERS model processes behind its HTTP server, batches of BENCH_BATCH requests (1: none)."""

import os
import sys
from typing import Any

import lightgbm as lgb
import litserve
import numpy as np

BATCH = int(os.environ["BENCH_BATCH"])


class Numbers(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.booster = lgb.Booster(model_file=os.environ["BENCH_MODEL"])
        self.names = self.booster.feature_name()

    def decode_request(self, request) -> Any:  # with a type FastAPI would check it once more
        return np.array([[float(row[name]) for name in self.names] for row in request["instances"]])

    def batch(self, inputs: list[Any]) -> Any:
        return inputs

    def predict(self, x: Any) -> Any:
        tables = x if BATCH > 1 else [x]
        rows = np.concatenate(tables)
        found = self.booster.predict(rows, num_threads=1)
        parts = np.split(found, np.cumsum([len(table) for table in tables])[:-1])
        return parts if BATCH > 1 else parts[0]

    def unbatch(self, output: Any) -> Any:
        return output

    def encode_response(self, output: Any) -> dict[str, Any]:
        answers = [{"label": "yes" if p > 0.5 else "no", "confidence": max(p, 1 - p)} for p in output.tolist()]
        return {"predictions": answers}


if __name__ == "__main__":
    api = Numbers(max_batch_size=BATCH, batch_timeout=0.002 if BATCH > 1 else 0.0)
    workers = int(os.environ["BENCH_WORKERS"])
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=workers, fast_queue=True, timeout=60)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=int(os.environ["BENCH_SERVERS"]),
        log_level="warning", access_log=False, generate_client_file=False,
    )  # fmt: skip
