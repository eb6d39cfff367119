"""The words of piece pay and of leave on a payslip: a part of the catalogue in words.py."""

PHRASES: dict[str, tuple[str, str]] = {
    "tally_rows": ("计件记录", "Tally rows"),
    "tally_row": (
        "{day}: {pieces} 件 · {file} 第 {row} 行 · {by} 录入",
        "{day}: {pieces} pieces · {file} row {row} · entered by {by}",
    ),
}

FACTS: dict[str, tuple[str, str]] = {
    "product": ("产品", "Product"),
    "process": ("工序", "Process"),
    "pieces": ("件数", "Pieces"),
    "price": ("单价(元)", "Price (yuan)"),
    "price_from": ("单价起始", "Price from"),
    "paid": ("件数 × 单价", "Pieces x price"),
    "quota": ("定额", "Quota"),
    "above_quota": ("超额单价(元)", "Price above the quota (yuan)"),
    "tiers": ("阶梯单价(元)", "Tiers (yuan)"),
    "tiers_pay": ("阶梯计法", "Tiers pay"),
    "per": ("定额周期", "Counted per"),
    "days": ("日期", "Days"),
    "group": ("班组", "Group"),
    "group_amount_fen": ("班组合计", "Group's amount"),
    "hours": ("小时", "Hours"),
    "coefficient": ("系数", "Coefficient"),
    "own_weight": ("本人 小时 × 系数", "Own hours x coefficient"),
    "group_weight": ("班组 小时 × 系数 合计", "Group's sum of hours x coefficient"),
    "last_fen": ("尾差(分)", "Fen of the rest"),
    "last_fen_rule": ("尾差规则", "Rule of the rest"),
    "worth_fen": ("报废金额", "Worth of the scrap"),
    "wage_fen": ("当月工资", "Month's wage"),
    "cap_percent": ("扣款上限 %", "Cap in percent"),
    "left_fen": ("未扣余额", "Not taken off"),
    "already_fen": ("已扣其他赔偿", "Other damages of the month"),
    "minimum_fen": ("最低工资", "Minimum wage"),
    "due_fen": ("应达到", "Due"),
    "compared_fen": ("比较工资", "Compared wage"),
    "full_days": ("月计薪天数", "Days of the month"),
    "city": ("城市", "City"),
    "service_years": ("工龄(年)", "Years of service"),
    "percent": ("比例 %", "Percent"),
    "floor_percent": ("最低工资的 %", "Percent of the minimum wage"),
    "leave": ("假别", "Leave"),
}
FEN_FACTS = frozenset(name for name in FACTS if name.endswith("_fen"))
