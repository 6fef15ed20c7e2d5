"""The paths and schemas that one use case brings along."""

from __future__ import annotations

from typing import Any

from serve_app.api.openapi_answers import (
    answer_example,
    answer_schema,
    decision_schema,
    explained_example,
    explained_schema,
)
from serve_app.api.openapi_batch import answer_row_schema, in_every_encoding
from serve_app.api.openapi_parts import STRING, array, asking, closed, predicting, reading, ref
from serve_app.api.openapi_tensors import tensor_paths, tensor_schemas
from serve_app.core.json_schema import example, json_schema
from serve_app.core.reshape import reshape
from serve_app.core.use_case import DecideRoute, ExplainRoute, PredictRoute, Route, UseCase, ValuesRoute

Json = dict[str, Any]


def schemas_of(use_case: UseCase, max_batch: int) -> Json:
    name = use_case.name
    rows = array(ref(f"{name}.Instance"), minItems=1, maxItems=max_batch)
    return {
        f"{name}.Instance": json_schema(use_case.fields),
        f"{name}.Answer": answer_schema(use_case),
        f"{name}.Explained": explained_schema(use_case),
        f"{name}.Batch": closed({"instances": rows}),
        f"{name}.AnswerRow": answer_row_schema(use_case),
        f"{name}.Answers": closed({"predictions": array(ref(f"{name}.Answer"))}),
        **tensor_schemas(use_case, max_batch),
    }


def paths_of(use_case: UseCase, max_batch: int) -> Json:
    declared: Json = {}
    for route in use_case.routes:
        declared[route.path] = {**declared.get(route.path, {}), **_declared(use_case, route)}
    return {**_native(use_case, max_batch), **declared, **tensor_paths(use_case)}


def _native(use_case: UseCase, max_batch: int) -> Json:
    name, title = use_case.name, use_case.title
    given, answer = example(use_case.fields), answer_example(use_case)
    one = (ref(f"{name}.Instance"), given)
    many = (ref(f"{name}.Batch"), {"instances": [given]})
    answers = (ref(f"{name}.Answers"), {"predictions": [answer]})
    explained = (ref(f"{name}.Explained"), explained_example(use_case))
    predict = predicting(f"predict_{name}", "predict", f"Predict: {title}", one, (ref(f"{name}.Answer"), answer))
    batch = predicting(f"predict_batch_{name}", "predict", f"Predict a batch: {title}", many, answers)
    explain = predicting(f"explain_{name}", "explain", f"Explain: {title}", one, explained)
    return {
        f"/api/v1/predict/{name}": {"post": predict},
        f"/api/v1/predict/{name}/batch": {"post": in_every_encoding(batch, use_case, max_batch, given, answer)},
        f"/api/v1/explain/{name}": {"post": explain},
    }


def _declared(use_case: UseCase, route: Route) -> Json:
    operation = f"{use_case.name}{route.path.replace('/', '_')}"
    one = (ref(f"{use_case.name}.Instance"), example(use_case.fields))
    match route:
        case ValuesRoute(field=field):
            schema = closed({route.answer: array(STRING), "count": {"type": "integer", "minimum": 0}})
            shown = {route.answer: ["a", "b"], "count": 2}
            return {"get": reading(operation, use_case.name, f"The known values of {field}", schema, shown)}
        case DecideRoute(inputs=inputs):
            body = (json_schema(inputs), example(inputs))
            answer = _shaped(use_case, route, decision_schema(use_case))
            return {"post": asking(operation, use_case.name, "Decide over given values", body, answer)}
        case PredictRoute(explain=False):
            answer = _shaped(use_case, route, ref(f"{use_case.name}.Answer"))
            return {"post": predicting(operation, use_case.name, f"Predict: {use_case.title}", one, answer)}
        case PredictRoute() | ExplainRoute():
            answer = _shaped(use_case, route, ref(f"{use_case.name}.Explained"))
            return {"post": predicting(operation, use_case.name, f"Explain: {use_case.title}", one, answer)}


def _shaped(use_case: UseCase, route: PredictRoute | ExplainRoute | DecideRoute, whole: Json) -> tuple[Json, Any]:
    """A reshaped answer has the fields of the route's ``answer``, of whatever type their paths lead to."""
    inputs = route.inputs if isinstance(route, DecideRoute) else use_case.fields
    explained = explained_example(use_case)
    given = {**dict.fromkeys(inputs), **example(inputs)}
    parts = ("explanation", "narrative", "decision")
    known = {"input": given, "features": given, "answer": explained, **{part: explained[part] for part in parts}}
    if not route.answer:
        part = "decision" if isinstance(route, DecideRoute) else "answer"
        brief = part == "answer" and isinstance(route, PredictRoute) and not route.explain
        return whole, answer_example(use_case) if brief else known[part]
    return closed({name: {} for name in route.answer}), reshape(route.answer, known, "answer")
