"""`spectrum train`: every stage says what it takes and what it lacks."""

from __future__ import annotations

import pytest

from model.training.cli import STAGES, main, parser, stage_of
from tests.unit.ccp_roots import figure, write_root


@pytest.mark.parametrize("stage", list(STAGES))
def test_every_stage_has_the_common_options_and_a_help_of_its_own(stage, capsys):
    args = parser(stage).parse_args(["--stage", stage, "--init", "a:tower", "--init", "b"])
    assert (args.preset, args.stage) == ("mini", stage)
    assert [str(init.folder) for init in args.init] == ["a", "b"]
    with pytest.raises(SystemExit) as stopped:
        main(["--stage", stage, "--help"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert f"Stage {stage}" in said.replace("\n", " ") and "--sources" in said


def test_parsing_is_the_stage_of_a_command_that_names_none():
    assert stage_of(["--steps", "3"]) == "parsing"
    assert stage_of(["--stage=texture", "--rank", "4"]) == "texture"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--stage", "autoencoder", "--preset", "full"], "Stable Diffusion's autoencoder"),
        (["--stage", "texture"], "--synthetic"),
        (["--stage", "texture", "--synthetic", "nowhere"], "nowhere"),
        (["--stage", "parsing", "--preset", "full"], "--sources"),
        (["--stage", "autoencoder", "--init", "nowhere"], "no checkpoint at nowhere"),
        (["--stage", "parsing", "--init", "a:torso"], "no part 'torso'"),
    ],
)
def test_what_cannot_run_is_refused_with_the_reason(argv, said, tmp_path, capsys):
    root = write_root(tmp_path, {"train": [figure()], "val": [figure()]})
    with pytest.raises(SystemExit) as stopped:
        main([*argv, "--data", str(root), "--out", str(tmp_path / "out"), "--device", "cpu"])
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
