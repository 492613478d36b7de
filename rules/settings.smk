# The settings: config.yaml, and what is laid over it with --configfile or --config. Whatever can be
# known to be wrong with them is told here, all at once, before anything is planned.
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))
from betrayed.config.runs import runs, scoring_settings, settings_of_runs
from betrayed.config.checks import check
from betrayed.config.command_line import understood
from betrayed.config.files import check_readable, faults_of_files
from betrayed.config.merging import merged
from betrayed.config.quality import with_quality
from betrayed.datasets.presence import missing_data
from betrayed.errors import UserError

CONFIG = "config.yaml"


def refuse(error):
    """End with a message for people: of an exception Snakemake would show the place in the code."""
    raise SystemExit(f"Error: {error}")


# What jobs run lies there, too.
if not Path(CONFIG).is_file() or not Path("scripts").is_dir():
    refuse(
        f"{Path.cwd()} is not the project's folder. Run snakemake in "
        f"{Path(workflow.basedir).resolve()}, or name that with --directory as well."
    )
try:
    check_readable([CONFIG])
except UserError as error:
    refuse(error)


configfile: CONFIG


typed = understood(workflow.config_settings.config)
config = with_quality(
    merged(config, typed), merged(workflow.config_settings.overwrite_config, typed)
)
try:
    if workflow.is_main_process:
        config |= check(config, missing_data, faults_of_files(workflow.configfiles))
    else:
        # A job is no place to look for what was there when it was planned.
        config |= check(config)
    RUNS = {run.run: run for run in runs(config)}
except UserError as error:
    refuse(error)
