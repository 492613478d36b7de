# Finds and follows the objects in videos without a label. The chain, one file a stage:
#   data → frames → features → training → attention → tracks, motion → masks → scores → pictures
# Settings: config.yaml, and overlays from presets/ with --configfile.


include: "rules/settings.smk"
include: "rules/common.smk"
include: "rules/inputs/videos.smk"
include: "rules/inputs/data.smk"
include: "rules/inputs/models.smk"
include: "rules/inputs/objects.smk"
include: "rules/inputs/scores.smk"
include: "rules/inputs/report.smk"
include: "rules/inputs/exports.smk"
include: "rules/inputs/targets.smk"
include: "rules/data.smk"
include: "rules/frames.smk"
include: "rules/features.smk"
include: "rules/training.smk"
include: "rules/attention.smk"
include: "rules/tracks.smk"
include: "rules/motion.smk"
include: "rules/masks.smk"
include: "rules/scores.smk"
include: "rules/sweeps.smk"
include: "rules/exports.smk"
include: "rules/learning.smk"
include: "rules/pictures.smk"
include: "rules/failures.smk"
include: "rules/report.smk"


tell_where_to_look()


onstart:
    say_what_is_used()
    claim_this_folder()
    heed_signals()


onsuccess:
    release_this_folder()
    say_where_to_look()


onerror:
    cancel_what_is_left()
    release_this_folder()
    say_where_to_look(failed=True)


localrules:
    all,


# Everything: the tables, and the pictures unless the configuration says no.
rule all:
    default_target: True
    input:
        all_checked,
        manifests=all_manifests(),
