# What is exported of a data set, and in which forms.


def masks_of_dataset(wildcards):
    """The frames and masks of every video of a data set."""
    return {
        "frames": records_of(wildcards.dataset, "frames"),
        "masks": records_of(wildcards.dataset, f"masks/{wildcards.run}"),
    }


def export_options(wildcards):
    """Which masks tools get, as options of the program."""
    own = config["exports"]
    most = own["most_objects"]
    return ["--level", own["level"], *(["--most", str(most)] if most else [])]
