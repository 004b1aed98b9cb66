#!/usr/bin/env bash
# Prefect 3.8.8: a flow parameter `Annotated[int, Field(description=..., ge=1)]` has no description in its deployment.
#
# What surprises: pydantic takes a description and bounds from Annotated; Prefect builds the deployment's parameter
#   schema with pydantic, and keeps the bounds but not the description (nor a title: that is always the parameter's
#   name). It lays a Field of its own over the annotation, whose description comes from the docstring or from a Field
#   that is the default value, and is None else. A Field as the default value does the opposite: its description is
#   kept, its bounds are lost, and the flow takes a value that is out of them. Nothing is warned of.
# Whom it hurts: whoever describes parameters in the annotation, as is the custom with pydantic and FastAPI. The form to
#   run the deployment has no help to show. Whoever then moves the Field to the default value gets the help and loses
#   the check.
# What to do instead: keep bounds in the annotation and describe the parameter in a docstring of Google's style.
#
# Prints the schema of one parameter, spelled in four ways, and whether the flow takes 0. Fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/flows.py" <<'PYTHON'
from typing import Annotated

import prefect
from prefect.exceptions import ParameterTypeError
from prefect.utilities.callables import parameter_schema
from pydantic import Field, TypeAdapter


@prefect.flow
def annotated(limit: Annotated[int, Field(description="how many", ge=1)] = 5) -> None: ...


@prefect.flow
def default(limit: int = Field(5, description="how many", ge=1)) -> None: ...


@prefect.flow
def docstring(limit: int = 5) -> None:
    """Solve problems.

    Args:
        limit: how many
    """


@prefect.flow
def both(limit: Annotated[int, Field(ge=1)] = 5) -> None:
    """Solve problems.

    Args:
        limit: how many
    """


def takes(flow: prefect.Flow, limit: int) -> bool:
    try:
        flow.validate_parameters({"limit": limit})
    except ParameterTypeError:
        return False
    return True


print("pydantic:", TypeAdapter(Annotated[int, Field(description="how many", ge=1)]).json_schema())
for flow in (annotated, default, docstring, both):
    schema = parameter_schema(flow).properties["limit"]
    kept = {key: schema.get(key) for key in ("description", "minimum")}
    print(f"Prefect {prefect.__version__}, {flow.name}: {kept}, takes 0: {takes(flow, 0)}")
PYTHON
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet "prefect==3.8.8" "fastapi<0.151" "sqlalchemy<2.1"
export PREFECT_HOME="$folder/home" PREFECT_LOGGING_LEVEL=CRITICAL
"$folder/venv/bin/python" "$folder/flows.py" | tee "$folder/seen"
diff "$folder/seen" - <<'SEEN'
pydantic: {'description': 'how many', 'minimum': 1, 'type': 'integer'}
Prefect 3.8.8, annotated: {'description': None, 'minimum': 1}, takes 0: False
Prefect 3.8.8, default: {'description': 'how many', 'minimum': None}, takes 0: True
Prefect 3.8.8, docstring: {'description': 'how many', 'minimum': None}, takes 0: True
Prefect 3.8.8, both: {'description': 'how many', 'minimum': 1}, takes 0: False
SEEN
