"""Invalid templates are refused on construction."""

from __future__ import annotations

import pytest

from airflow_provider_rcs.sandbox.model import SandboxTemplate, VariableType


@pytest.mark.parametrize(("template_id", "name", "complaint"), [("abc", "a", "digits"), ("1", "", "no name")])
def test_error_names_the_invalid_part_of_a_template(template_id: str, name: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        SandboxTemplate(template_id, name, {})


def test_template_requires_the_variables_that_are_not_filled_from_the_recipient() -> None:
    template = SandboxTemplate("1", "a", {"Destinatario": VariableType.RECIPIENT, "Importe": VariableType.TEXT})

    assert template.required == {"Importe"}
