# What listing a data set depends on: its folders, its files, its settings.


def dataset_folders(wildcards):
    """Where a data set lies. Whether anything in there has changed is for dataset_signature."""
    dataset = DATASETS[wildcards.dataset]
    if dataset["make"]:
        return [dataset["root"], *filter(None, [dataset["annotations"]])]
    return [ancient(str(path)) for path in followed_paths(resolve_root(dataset))]


def dataset_signature(wildcards):
    """Names, sizes and times of all files: the videos are listed again when one has changed."""
    dataset = DATASETS[wildcards.dataset]
    return "" if dataset["make"] else _signature(wildcards.dataset)


@cache
def _signature(name):
    settings = resolve_root(DATASETS[name])
    return signature(needed_paths(settings), watched_depth(settings))


def dataset_settings(wildcards):
    """A data set as the listing program wants it."""
    return as_json(asdict(resolve_root(DATASETS[wildcards.dataset])))


def film_settings(wildcards):
    """How films are worked on, as the listing program wants it; what joins them lists none anew."""
    own = {name: value for name, value in config["films"].items() if name != "alike"}
    return as_json(own) if DATASETS[wildcards.dataset]["layout"] == "folder" else "{}"
