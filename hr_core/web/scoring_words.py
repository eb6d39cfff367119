"""The words of forms of goals, opening and locking scores, 360 degrees and open tasks: a part of the
catalogue in words.py.
"""

PHRASES: dict[str, tuple[str, str]] = {
    "propose_goals": ("提出目标", "Propose goals"),
    "propose_again": ("提出新版本…", "Propose a new version…"),
    "change_accepted": ("接受调整并改目标", "Accept with these goals"),
    "change_wanted": ("写出希望的目标", "Ask for other goals"),
    "for_whom": ("为谁", "For whom"),
    "which_period": ("期间", "Period"),
    "period_like": ("如 2026-12、2026-Q4、2026", "like 2026-12, 2026-Q4, 2026"),
    "go_on": ("下一步", "Go on"),
    "nobody_to_propose": (
        "没有由你提出目标的人:由其上级或人事提出。",
        "Nobody's goals are yours to propose: those above a person and HR do it.",
    ),
    "goals_running": (
        "这一期还有一版正在商定,先办完它才能提出新的一版",
        "A version of this period is being agreed: it ends before there is another one",
    ),
    "goal_row": ("目标 {number}", "Goal {number}"),
    "more_fields": ("更多…", "More…"),
    "weights_whole": ("权重合计 100 %", "The weights are 100 % together"),
    "weights_sum": (
        "权重合计 {total} %,应为 100 %(试行目标不计)",
        "The weights are {total} % together, not 100 % (trial goals do not count)",
    ),
    "sum_up": ("合计", "Sum up"),
    "sum_and_rows": ("合计并加行", "Sum up, more rows"),
    "words_to_goals": ("说明(可不填)", "Words (may stay empty)"),
    "not_yours_what": (
        "没有此人,或其目标不由你提出。",
        "There is no such person, or its goals are not yours to propose.",
    ),
    "not_yours_do": (
        "请从“提出目标”的名单中选择。",
        "Choose from the list under “Propose goals”.",
    ),
}
CODES: dict[str, dict[str, tuple[str, str]]] = {
    "goal_field": {
        "code": ("代码", "Code"),
        "title": ("名称", "Name"),
        "title_zh": ("中文名称", "Chinese name"),
        "kind": ("算法", "Kind"),
        "target": ("指标值", "Target"),
        "base": ("对比基数", "Measured against"),
        "measure": ("单位", "Unit"),
        "weight": ("权重 %", "Weight %"),
        "group": ("类别", "Group"),
        "parent": ("服务于上级目标", "Serves the goal"),
        "resources": ("所需资源", "Resources"),
        "figure": ("数据来源名", "Figure"),
        "scored_by": ("评分部门", "Scored by unit"),
    },
    "goal_kind": {
        "count": ("累计", "count"),
        "at_least": ("不低于", "at least"),
        "at_most": ("不高于", "at most"),
        "change": ("变化 %", "change in %"),
    },
    "goal_group": {"KPI": ("KPI", "KPI"), "KCI": ("KCI", "KCI")},
}
