"""What the running agent says about itself: the site file that it goes by, and its failed tasks."""

from collections.abc import Iterator

from edge_agent.doctor.findings import Code, Finding, good, warn
from edge_agent.status.agent import Agent


def check_running(agent: Agent) -> Iterator[Finding]:
    """Nothing while no agent runs; `check_agent` says that."""
    if not agent.running:
        return
    config = agent.snapshot.get("config", {})
    rejected = config.get("rejected")
    if rejected:
        yield warn(
            Code.CONFIG_REJECTED,
            rejected["where"],
            f"the changed site file was rejected at {rejected['at'][:19]}Z ({rejected['what']}); "
            f"the agent goes on by the one of {config['applied_at'][:19]}Z",
            f"{rejected['remedy']}. Then: systemctl reload edge-agent",
        )
    else:
        yield good(Code.CONFIG_REJECTED, "site file", "the agent runs by the last file it read")
    for key in config.get("needs_restart", []):
        yield warn(
            Code.CONFIG_NEEDS_RESTART,
            key,
            "was changed in the site file, which a reload cannot take up",
            "systemctl restart edge-agent, or undo the change",
        )
    for failure in agent.snapshot.get("failed_tasks", []):
        yield warn(
            Code.TASK_FAILED,
            failure["task"],
            f"failed by a bug of ours and is started anew ({failure['what']}, "
            f"{failure['in_a_row']} in a row, last at {failure['at'][:19]}Z)",
            "Please report it with the log of this moment: journalctl -u edge-agent",
        )
