"""Runs on the model hub (https://huggingface.co): found there by their name, and brought there."""

import tempfile
from pathlib import Path
from typing import Any

from roadcue.errors import BadInput
from roadcue.files import user_path
from roadcue.inference.public_run import PUBLIC_FILES, WEIGHT_FOLDERS, write_public_run
from roadcue.models.checkpoint import HUB_ID
from roadcue.training.config import TrainConfig
from roadcue.training.run_folder import RunFolder


def run_folder(run: str | Path, revision: str | None = None) -> RunFolder:
    """The folder of a run that is here, or of one on the hub, "org/name", at a `revision`, by default main.

    A folder goes before the hub, and where there is a folder `org` a name without a revision is a path in it: no
    stranger's run comes for a misspelt one. Of the hub only the files of a run are taken, from its cache if they are
    there. BadInput where there is none.
    """
    path = user_path(run)
    if path.exists() and revision is not None:
        raise BadInput(f"{run}: is a folder here, which has no revision {revision!r}; leave the revision out")
    if path.exists() or not HUB_ID.fullmatch(str(run)):
        return RunFolder.of(run)
    if revision is None and path.parent.is_dir():
        try:
            return RunFolder.of(run)
        except BadInput as error:
            raise BadInput(f"{error}; for one of that name on the model hub give its revision, too: main") from None
    return RunFolder.of(_downloaded(str(run), revision))


def _downloaded(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=list(PUBLIC_FILES)))
    except Exception as error:  # the hub's client raises what its transport does, too
        at = f" at the revision {revision!r}" if revision else ""
        raise BadInput(
            f"run {name}: no such folder here, and the model hub did not give it{at}: {_first_line(error)}\n"
            f"Download it where there is a network (hf download {name}), or name a run folder."
        ) from error
    if not (folder / "run.json").exists():
        raise BadInput(f"{name}: is no run of RoadCue (run.json is not there); push_to_hub writes one")
    return folder


class PushToHubMixin:
    """What brings a loaded run to the hub, as models of transformers are brought."""

    config: TrainConfig
    folder: RunFolder | None = None
    """Where the run was loaded from."""

    def push_to_hub(
        self, name: str, *, private: bool | None = None, license: str | None = None, checkpoint: str | None = None
    ) -> str:
        """Upload the run folder's model and a model card to "org/name" on the hub; returns the address.

        The repository is made if there is none, `private` or as the hub makes new ones. `license` is written into the
        card, which is written anew each time; the choice is yours. `checkpoint` is where others find the encoder's
        weights, "full" or a hub id, where the run has them from a folder. Paths of this machine stay here. BadInput
        when there is no run folder, the name is none, the hub refuses, or `private` is asked of a public repository.
        """
        from roadcue.inference.model_card import model_card  # and with it the tables, which loading need not wait for

        if self.folder is None:
            raise BadInput("this predictor is of no run folder; push what roadcue.load returns")
        if not HUB_ID.fullmatch(name):
            raise BadInput(f"{name!r}: is no name on the model hub; write it as 'org/name'")
        with tempfile.TemporaryDirectory() as place:
            public = Path(place)
            config = write_public_run(self.folder, self.config, public, checkpoint)
            (public / "README.md").write_text(model_card(self.folder, config, name, license), encoding="utf-8")
            return _upload(public, name, private, type(self).__name__)


def _upload(public: Path, name: str, private: bool | None, what: str) -> str:
    """The address of what is there now."""
    from huggingface_hub import HfApi

    api = HfApi(library_name="roadcue")
    try:
        address: Any = api.create_repo(name, private=private, exist_ok=True)
        if private and not api.model_info(name).private:
            raise BadInput(f"{name}: is there and public; make it private on its page first, or name another")
        # what an earlier push has left and this one has not goes
        earlier = [f"{folder}/*" for folder in WEIGHT_FOLDERS]
        api.upload_folder(
            repo_id=name, folder_path=public, commit_message=f"Upload {what} with RoadCue", delete_patterns=earlier
        )
    except BadInput:
        raise
    except Exception as error:  # the hub's client raises what its transport does, too
        raise BadInput(
            f"{name}: the model hub did not take it: {_first_line(error)}; it needs a network, and a token that may "
            "write there (hf auth login)"
        ) from error
    return str(address)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
