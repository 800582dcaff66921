"""The running connection: who is there, which armature follows whom, and the take in the making.

`tick` is what the timer calls; `pump` is the work itself, for scripts and tests without a window, where
Blender's timers never fire.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import bpy

from .apply import Size, apply
from .character import Character, CharacterError, read_character
from .own_armature import show_state
from .person import Person
from .receiver import EVERYWHERE, LOOPBACK, Receiver
from .recording import write_keys
from .settings import ANYONE, characters, listeners, mapping_of, shown_t_pose
from .take import Recording, Track

TICK_S = 1 / 120
STALE_S = 0.5
"""Without a frame for so long, a person is shown as lost."""
FORGET_S = 5.0
"""And is taken off the list after so long."""
_REDRAW_S = 0.25


@dataclass
class Live:
    """One for the whole of Blender: there is one port."""

    receiver: Receiver | None = None
    people: dict[int, Person] = field(default_factory=dict)
    """The newest frame of everybody, by number."""
    last_posed: dict[int, Person] = field(default_factory=dict)
    recording: Recording | None = None
    problem: str = ""
    """Shown in the panel."""
    _characters: dict[str, Character] = field(default_factory=dict)
    _sizes: dict[str, Size] = field(default_factory=dict)
    _following: dict[str, int] = field(default_factory=dict)
    """Armatures that follow anyone: whom they have; who took somebody last stands last."""
    _read_s: float | None = None
    """While packets that waited are read: when the present one came."""
    _heard_s: float = 0.0
    _resumed_s: float = 0.0
    """When the newest packet came, and when the first after a silence did."""
    _drawn_s: float = 0.0

    def start(self, port: int, *, lan: bool = False) -> None:
        """Open the port. Raises PortError."""
        self.stop()
        self.receiver = Receiver(port, EVERYWHERE if lan else LOOPBACK)
        self.problem = ""

    def stop(self) -> None:
        """Close the port; idempotent. Armatures keep their pose."""
        if self.receiver is not None:
            self.receiver.close()
        self.receiver = None
        self.people.clear()
        self.last_posed.clear()
        self._following.clear()

    def forget_characters(self) -> None:
        """Read armatures anew, because bones or settings have changed."""
        self._characters.clear()
        self._sizes.clear()

    def pump(self) -> int:
        """Take in what has come and pose the armatures; the number of person frames that came.

        Every frame is recorded; only the newest is shown.
        """
        if self.receiver is None:
            return 0
        came = self.receiver.drain()
        armatures = list(characters()) if came or self.people else []
        for person in came:
            self._read_s = person.received_s
            self._note(person)
            if self.recording is not None:
                self._record(person, armatures)
        self._read_s = None
        for armature in armatures if came else ():
            self._show(armature)
        self._forget_the_gone()
        for armature in armatures:
            if armature.sealcap.own:
                show_state(armature, live=self.state_of(armature) in ("tracking", "predicted"))
        return len(came)

    def person_for(self, armature: bpy.types.Object) -> int | None:
        """Number of the person whom the armature follows now."""
        wanted = armature.sealcap.person
        if wanted != ANYONE:
            return int(wanted)
        return self._following.get(armature.name)

    def state_of(self, armature: bpy.types.Object) -> str:
        """tracking, predicted, held, lost, or "waiting" while nobody has been there."""
        person_id = self.person_for(armature)
        return self.state(person_id) if person_id is not None else "waiting"

    def state(self, person_id: int) -> str:
        """State of a person; lost, too, when nothing has come for a while."""
        person = self.people.get(person_id)
        if person is None:
            return "waiting"
        silent = self._now_s() - person.received_s > STALE_S
        return "lost" if silent else person.state

    def start_recording(self, name: str, start_frame: int) -> None:
        """From the next frame on."""
        self.recording = Recording(name, start_frame)

    def finish_recording(self, fps: float) -> dict[str, int]:
        """Make actions of what was recorded: armature → last frame with a key. Empty when nobody came."""
        recording, self.recording = self.recording, None
        written: dict[str, int] = {}
        for name, track in (recording.tracks if recording is not None else {}).items():
            armature = bpy.data.objects.get(name)
            character = self._character(armature) if armature is not None else None
            if recording is None or armature is None or character is None or not track.people:
                continue
            written[name] = self._write(recording, track, armature, character, fps)
        return written

    def _write(
        self,
        recording: Recording,
        track: Track,
        armature: bpy.types.Object,
        character: Character,
        fps: float,
    ) -> int:
        return write_keys(
            track,
            armature,
            character,
            self._size(armature),
            action_name=f"{recording.name} {armature.name}",
            start_frame=recording.start_frame,
            fps=fps,
            travel=armature.sealcap.travel,
        )

    def _now_s(self) -> float:
        """For packets that waited while Blender was busy: when they came."""
        return time.monotonic() if self._read_s is None else self._read_s

    def _note(self, person: Person) -> None:
        if person.received_s - self._heard_s > STALE_S:
            self._resumed_s = person.received_s
        self._heard_s = person.received_s
        self.people[person.id] = person
        if person.posed:
            self.last_posed[person.id] = person

    def _record(self, person: Person, armatures: list[bpy.types.Object]) -> None:
        assert self.recording is not None
        for armature in armatures:
            if self._follow(armature) == person.id:
                self._size(armature).follow(person)
                self.recording.add(armature.name, person)

    def _show(self, armature: bpy.types.Object) -> None:
        """The newest pose of the armature's person; armatures in edit mode are left alone."""
        person_id = self._follow(armature)
        person = self.people.get(person_id) if person_id is not None else None
        if armature.mode == "EDIT":
            self._characters.pop(armature.name, None)
            return
        character = self._character(armature)
        if person is None or not person.posed or character is None:
            return
        size = self._size(armature)
        size.follow(person)
        apply(person, armature, character, size, travel=armature.sealcap.travel)

    def _follow(self, armature: bpy.types.Object) -> int | None:
        """Whom the armature follows. One that follows anyone keeps its person until that one is gone; two
        share one only as long as nobody else is there, then the one that came last gives way.
        """
        if armature.sealcap.person != ANYONE:
            return int(armature.sealcap.person)
        name = armature.name
        here, kept = self._here(), self._following.get(name)
        others, before = self._taken(name)
        free = [i for i in here if i not in others]
        if here and (kept not in here or (kept in before and free)):
            self._following.pop(name, None)
            self._following[name] = (free or here)[0]
        return self._following.get(name)

    def _here(self) -> list[int]:
        """Numbers of those who are there. After a silence of all everybody has a moment to come again."""
        since = self._now_s() - STALE_S
        return [
            i
            for i, person in sorted(self.people.items())
            if person.state != "lost" and max(person.received_s, self._resumed_s) >= since
        ]

    def _taken(self, name: str) -> tuple[set[int | None], set[int | None]]:
        """Whom the other armatures follow; and of them those who do so for longer, or by the user's will."""
        order = list(self._following)
        own = order.index(name) if name in order else len(order)
        others: set[int | None] = set()
        before: set[int | None] = set()
        for other in characters():
            if other.name != name:
                others.add(self.person_for(other))
                if other.sealcap.person != ANYONE or other.name in order[:own]:
                    before.add(self.person_for(other))
        return others, before

    def _character(self, armature: bpy.types.Object) -> Character | None:
        """Read once; None, and the panel says why, for an armature that cannot be driven."""
        if armature.name not in self._characters:
            try:
                self._characters[armature.name] = read_character(
                    armature.data.bones,
                    mapping_of(armature),
                    align=armature.sealcap.rest != "AS_IS",
                    t_pose=shown_t_pose(armature),
                    constrained={bone.name for bone in armature.pose.bones if bone.constraints},
                )
                self.problem = ""
            except CharacterError as problem:
                self.problem = f"{armature.name}: {problem}"
                return None
        return self._characters[armature.name]

    def _size(self, armature: bpy.types.Object) -> Size:
        settings = armature.sealcap
        fixed = settings.scale if settings.scaling == "FIXED" else None
        return self._sizes.setdefault(armature.name, Size(fixed))

    def _forget_the_gone(self) -> None:
        now = time.monotonic()
        for person_id, person in list(self.people.items()):
            if now - person.received_s > FORGET_S:
                del self.people[person_id]


live = Live()
listeners.append(live.forget_characters)


def tick() -> float | None:
    """The timer: work, have the views drawn, come again. Ends by itself when the port is closed."""
    if live.receiver is None:
        return None
    came = live.pump()
    now = time.monotonic()
    if came or now - live._drawn_s > _REDRAW_S:
        panel_too = now - live._drawn_s > _REDRAW_S
        _redraw(panel_too)
        live._drawn_s = now if panel_too else live._drawn_s
    return TICK_S


def _redraw(panel_too: bool) -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "WINDOW" or (panel_too and region.type == "UI"):
                        region.tag_redraw()
