"""People on a terminal: its user table as the contract has it, and orders that change it."""

from drivers.contract import DeviceUser, UserList
from drivers.errors import BlockedError, DeviceMisbehavedError
from drivers.zk_pull.orders import carry_out
from drivers.zk_pull.terminal import Terminal
from protocols.records import Quarantined
from protocols.zk.administration import delete_user, write_user
from protocols.zk.dialogue import USERS
from protocols.zk.user_names import UserTextError, encode_name
from protocols.zk.users import (
    NAME_BYTES,
    User,
    UserWidth,
    choose_user_width,
    decode_users,
    free_uid,
    record_to_write,
)


class UserTable:
    """One read of the table. It holds passwords; nothing but `write` uses its bytes."""

    def __init__(self, terminal: Terminal, table: bytes) -> None:
        self._terminal = terminal
        self._table = table
        self._encoding = terminal.config.code_page or terminal.profile.encoding
        self._width: UserWidth = choose_user_width(table) if table else terminal.profile.user_width
        rows = list(
            decode_users(
                table,
                encoding=self._encoding,
                source=terminal.identity.serial,
                width=self._width,
            )
        )
        self._users = [row for row in rows if isinstance(row, User)]
        self._quarantined = [row for row in rows if isinstance(row, Quarantined)]

    @classmethod
    async def read(cls, terminal: Terminal) -> "UserTable":
        return cls(terminal, await terminal.read_table(USERS))

    def listed(self) -> UserList:
        return UserList(
            users=tuple(map(_device_user, self._users)), quarantined=tuple(self._quarantined)
        )

    def find(self, user_id: str) -> User | None:
        return next((user for user in self._users if user.user_id == user_id), None)

    async def write(self, user: DeviceUser, password: str | None, *, where: str) -> DeviceUser:
        """Raises BlockedError for what the terminal cannot hold, DeviceMisbehavedError when it
        holds something else afterwards.
        """
        try:
            wanted = self._wanted(user)
            record = record_to_write(self._table, wanted, self._width, password=password)
        except UserTextError as exc:
            raise BlockedError(
                str(exc),
                where=where,
                remedy="Nothing was written. Write it otherwise, or set `code_page` of this "
                "terminal in the site file",
                code="user_unwritable",
            ) from exc

        async def written() -> bool:
            found = (await UserTable.read(self._terminal)).find(wanted.user_id)
            return found is not None and _same(found, wanted)

        await carry_out(
            self._terminal.runner,
            write_user(record),
            aim=f"write user {wanted.user_id}",
            look="Look at the user in the terminal's menu",
            where=where,
            done=written,
        )
        return await self._proven(wanted, where)

    async def delete(self, user: User, *, where: str) -> None:
        async def gone() -> bool:
            return (await UserTable.read(self._terminal)).find(user.user_id) is None

        await carry_out(
            self._terminal.runner,
            delete_user(user.uid),
            aim=f"delete user {user.user_id}",
            look="Look for the user in the terminal's menu",
            where=where,
            done=gone,
        )

    def _wanted(self, user: DeviceUser) -> User:
        """New people get group 1 and no time zones of their own: with 0 the door refuses them."""
        known = self.find(user.user_id)
        return User(
            uid=known.uid if known is not None else self._free_uid(user),
            user_id=user.user_id,
            privilege=user.privilege,
            disabled=user.disabled,
            name_raw=encode_name(user.name or "", self._encoding, NAME_BYTES[self._width]),
            card=user.card,
            group=user.group,
            time_zones=user.time_zones,
        )

    def _free_uid(self, user: DeviceUser) -> int:
        if user.uid is None:
            return free_uid(self._users)
        holder = next((other for other in self._users if other.uid == user.uid), None)
        if holder is not None:
            raise UserTextError(
                f"number {user.uid} of the terminal belongs to user {holder.user_id}"
            )
        return user.uid

    async def _proven(self, wanted: User, where: str) -> DeviceUser:
        after = await UserTable.read(self._terminal)
        found = after.find(wanted.user_id)
        if found is None or not _same(found, wanted):
            raise DeviceMisbehavedError(
                f"the terminal accepted user {wanted.user_id} and then holds "
                + ("nobody of this id" if found is None else "other values"),
                where=where,
                remedy="Look at the user in the terminal's menu; its user memory may be full",
                code="user_not_taken",
            )
        return _device_user(found)


def _same(found: User, wanted: User) -> bool:
    return (found.name_raw, found.card, found.privilege_byte) == (
        wanted.name_raw,
        wanted.card,
        wanted.privilege_byte,
    )


def _device_user(user: User) -> DeviceUser:
    return DeviceUser(
        user_id=user.user_id,
        name=user.name,
        name_raw=user.name_raw,
        privilege=user.privilege,
        disabled=user.disabled,
        card=user.card,
        group=user.group,
        time_zones=user.time_zones,
        uid=user.uid,
        raw=user.raw,
    )
