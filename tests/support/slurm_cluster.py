"""A SLURM of two virtual nodes on this machine, with character devices that stand for GPUs.

Its configuration has to lie in /etc/slurm: the executor's jobs know no other place. Where a
cluster is configured there already, or a program or the right to start one is missing, the tests
are skipped.
"""

import importlib.util
import os
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

ETC = Path("/etc/slurm")
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "scontrol", "squeue", "scancel")
ACCOUNTING = ("slurmdbd", "mariadbd", "mariadb-install-db", "sacct", "sacctmgr")
NODES = ("n1", "n2")
_PORT, _ACCOUNT_PORT, _DATABASE = 16900, 16950, 16951
_GPUS = 2  # of each node
_MB = 64_000  # what nodes say they have, for what jobs ask at their third try
_NULL = os.makedev(1, 3)  # opens and does nothing
_NAME = "ClusterName=tests"
_NO_ACCOUNTS = "AccountingStorageType=accounting_storage/none"
_ACCOUNTS = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge/socket"""
_KEEPER = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost=localhost
DbdPort={port}
SlurmUser=root
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser=root
StorageLoc=slurm_accounts
"""
_CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,bf_interval=2,defer
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill,UsePss
{accounts}
MinJobAge=600
KillWait=5
ReturnToService=2
GresTypes=gpu
"""


def why_not(accounts: bool = False) -> str | None:
    """What the tests of the cluster lack here; None: nothing."""
    os.environ["PATH"] = os.pathsep.join([*os.get_exec_path(), "/usr/sbin"])
    programs = {"slurm-wlm munge": PROGRAMS}
    if accounts:
        programs["slurmdbd mariadb-server"] = ACCOUNTING
    for packages, names in programs.items():
        missing = [name for name in names if shutil.which(name) is None]
        if missing:
            return f"There is no {', '.join(missing)}: apt-get install {packages}"
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "There is no plugin for SLURM: pip install --no-deps -r envs/slurm.txt"
    if os.geteuid() != 0:
        return "Only root can start a cluster for tests"
    _remove_left()
    if (ETC / "slurm.conf").exists():
        return f"{ETC}/slurm.conf is there: a cluster is configured already"
    return None


def _remove_left() -> None:
    """Take away what a killed run of these tests has left: links into its folder, and no daemon."""
    conf = ETC / "slurm.conf"
    ours = conf.is_symlink() and (not conf.exists() or conf.read_text().startswith(_NAME))
    if ours and subprocess.run(["pgrep", "-x", "slurmctld"], capture_output=True).returncode == 1:
        for link in (conf, ETC / "gres.conf"):
            if link.is_symlink():
                link.unlink()


@contextmanager
def cluster(folder: Path, accounts: bool = False) -> Iterator[None]:
    """Run the cluster inside the block; all that it writes is in ``folder``.

    Args:
        folder: a new one.
        accounts: keep accounts of jobs, which ``sacct`` answers from.
    """
    if reason := why_not(accounts):
        pytest.skip(reason)
    started: list[subprocess.Popen] = []
    made = [ETC / "slurm.conf", ETC / "gres.conf", ETC / "slurmdbd.conf"]
    try:
        _munge(folder / "munge", started)
        _configure(folder, accounts)
        ETC.mkdir(exist_ok=True)
        for link in made:
            if (folder / link.name).exists():
                link.symlink_to(folder / link.name)
        if accounts:
            _keep_accounts(folder, started)
        for command in (["slurmctld", "-D", "-c"], *(["slurmd", "-D", "-N", one] for one in NODES)):
            with (folder / f"{'-'.join(command)}.out").open("w") as out:
                started.append(subprocess.Popen(command, stdout=out, stderr=out))
        _until(lambda: tell("sinfo", "-h", "-o", "%D %T", check=False) == "2 idle", "idle nodes")
        yield
    finally:
        tell("scancel", "--user", "root", check=False)
        with suppress(AssertionError):
            _until(lambda: not jobs(), "the end of all jobs", 15)
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for link in made:
            link.unlink(missing_ok=True)
        _end_what_jobs_left()


def tell(*command: str, check: bool = True) -> str:
    """What one of SLURM's programs answers."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert not check or done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout.strip()


def jobs() -> list[str]:
    """The jobs that wait or run: number, node, state and working directory of each."""
    return tell("squeue", "-h", "-o", "%i|%N|%T|%Z", check=False).splitlines()


def wait_for(condition, what: str, seconds: float = 300) -> None:
    """Come back as soon as ``condition()`` is true."""
    _until(condition, what, seconds)


def _until(condition, what: str, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"No {what} after {seconds} s"
        time.sleep(0.2)


def _end_what_jobs_left() -> None:
    """Snakemake of a job whose node went down waits for ever; a real node ends it with the job."""
    own = f"SLURM_WORKING_CLUSTER=tests:127.0.0.1:{_PORT}:".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if own in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def _munge(folder: Path, started: list[subprocess.Popen]) -> None:
    """The service that says who a message is from, with a key of its own."""
    folder.mkdir(parents=True)
    key = folder / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(stat.S_IRUSR | stat.S_IWUSR)
    command = ["munged", "--foreground", "--force", f"--key-file={key}"]
    command += [f"--socket={folder}/socket", f"--pid-file={folder}/pid"]
    command += [f"--log-file={folder}/log", f"--seed-file={folder}/seed"]
    with (folder / "out").open("w") as out:
        started.append(subprocess.Popen(command, stdout=out, stderr=out))
    _until(lambda: (folder / "socket").exists(), "munge", 20)


def _keep_accounts(folder: Path, started: list[subprocess.Popen]) -> None:
    """Start a database, and the daemon that writes what jobs did into it."""
    database = folder / "database"
    tell("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={database}")
    command = ["mariadbd", "--no-defaults", "--user=root", f"--datadir={database}"]
    command += ["--bind-address=127.0.0.1", f"--port={_DATABASE}", "--skip-grant-tables"]
    command += [f"--socket={folder}/database.socket", "--innodb-flush-log-at-trx-commit=0"]
    _start(command, folder, started)
    _until(lambda: _answers(_DATABASE), "database")
    _start(["slurmdbd", "-D"], folder, started)
    _until(lambda: _answers(_ACCOUNT_PORT), "slurmdbd")
    tell("sacctmgr", "--immediate", "add", "cluster", "tests")


def _start(command: list[str], folder: Path, started: list[subprocess.Popen]) -> None:
    with (folder / f"{command[0]}.out").open("w") as out:
        started.append(subprocess.Popen(command, stdout=out, stderr=out))


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _configure(folder: Path, accounts: bool) -> None:
    host = socket.gethostname().split(".")[0]
    devices = folder / "dev"
    for sub in (devices, folder / "state", folder / "spool"):
        sub.mkdir()
    for number in range(_GPUS):
        os.mknod(devices / f"nvidia{number}", stat.S_IFCHR | 0o666, _NULL)
    nodes, gpus = [], []
    for number, name in enumerate(NODES, 1):
        nodes.append(
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={_PORT + number} "
            f"CPUs=2 RealMemory={_MB} Gres=gpu:{_GPUS} State=UNKNOWN"
        )
        gpus.append(f"NodeName={name} Name=gpu File={devices}/nvidia[0-{_GPUS - 1}]")
    nodes.append(f"PartitionName=tests Nodes={','.join(NODES)} Default=YES State=UP")
    kept = _ACCOUNTS.format(port=_ACCOUNT_PORT, folder=folder) if accounts else _NO_ACCOUNTS
    text = _CONFIGURATION.format(host=host, port=_PORT, folder=folder, accounts=kept)
    (folder / "slurm.conf").write_text(text + "\n".join(nodes) + "\n")
    (folder / "gres.conf").write_text("\n".join(gpus) + "\n")
    if accounts:
        keeper = folder / "slurmdbd.conf"
        keeper.write_text(_KEEPER.format(folder=folder, port=_ACCOUNT_PORT, database=_DATABASE))
        keeper.chmod(0o600)  # the daemon asks for it
