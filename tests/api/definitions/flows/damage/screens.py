"""A flow that asks for photos, and looks at the first."""

import hashlib

from msgspec import Struct

from definitions.media import Upload
from definitions.screens import Screens, Session, Success

screens = Screens()


class DamageForm(Struct):
    """DAMAGE: what it looks like."""

    photos: list[Upload]


@screens.submit("DAMAGE")
async def damage_shown(session: Session, form: DamageForm) -> Success:
    """End the flow with what tells the photo."""
    photo = await session.media.fetch(form.photos[0])
    return Success({"size": len(photo), "hash": hashlib.sha256(photo).hexdigest()})
