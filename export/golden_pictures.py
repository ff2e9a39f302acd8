"""Writes tests/fixtures/pictures/: small pictures of many kinds, and what Pillow makes of each.

    python export/golden_pictures.py

`golden.json` holds, for each file, u8 RGB [48, 48, 3] as hexadecimal digits: upright,
`convert("RGB")`, the Hugging Face Perceiver image processor's crop (224/256 of the shorter
side), bicubic. The first number beside it is the most by which another decoder may differ.
"""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps

OUT = Path(__file__).resolve().parent.parent / "tests/fixtures/pictures"
SIZE = 48
# Another JPEG decoder rounds its cosine transform elsewhere.
JPEG = 3
WEBP = 12


def scene(width: int = 73, height: int = 61) -> np.ndarray:
    """u8 [height, width, 3]: a ramp, a disc and bars, so that turns and colours show."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    picture = np.stack([x * 255 / width, y * 255 / height, 255 - x * 255 / width], axis=-1)
    disc = (x - width * 0.3) ** 2 + (y - height * 0.35) ** 2 < (height * 0.2) ** 2
    picture[disc] = [230, 40, 30]
    picture[int(height * 0.7) :, ::6] = 20
    return picture.astype(np.uint8)


def png(path: Path, rows: np.ndarray, depth: int, colour: int) -> None:
    """A PNG of a kind that Pillow does not write; `rows` u8 [height, bytes a row]."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = len(rows), scene().shape[1]
    filtered = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(filtered, 9)) + chunk(b"IEND", b"")
    )


def deep(values: np.ndarray) -> np.ndarray:
    """u8 [height, n] as rows of big-endian u16 whose lower bytes are not the upper ones'."""
    wide = values.astype(np.uint16) * 256 + (255 - values)
    return wide.astype(">u2").view(np.uint8)


def write() -> dict[str, int]:
    """Writes every picture; gives the most by which each may differ."""
    rgb = scene()
    image = Image.fromarray(rgb)
    height, width = rgb.shape[:2]
    grey = image.convert("L")
    alpha = Image.fromarray(np.tile(np.arange(width, dtype=np.uint8) * 3, (height, 1)))
    see_through = image.copy()
    see_through.putalpha(alpha)
    most = {}

    def save(name: str, picture: Image.Image, tolerance: int = 0, **options) -> None:
        picture.save(OUT / name, **options)
        most[name] = tolerance

    save("rgb.png", image)
    save("rgba.png", see_through)
    save("grey.png", grey)
    save("grey-alpha.png", see_through.convert("LA"))
    save("palette.png", image.quantize(60))
    save("palette-see-through.png", image.quantize(60), transparency=3)
    save("palette-4-bits.png", image.quantize(16), bits=4)
    save("one-bit.png", image.convert("1"))
    png(OUT / "rgb-16-bits.png", deep(rgb.reshape(height, -1)), 16, 2)
    png(OUT / "rgba-16-bits.png", deep(np.array(see_through).reshape(height, -1)), 16, 6)
    png(OUT / "grey-16-bits.png", deep(np.array(grey)), 16, 0)
    most |= {"rgb-16-bits.png": 0, "rgba-16-bits.png": 0, "grey-16-bits.png": 0}
    save("rgb.bmp", image)
    save("palette.bmp", image.quantize(60))
    save("lzw.tiff", image, compression="tiff_lzw")
    save("grey.tiff", grey)
    save("lossless.webp", image, lossless=True)
    save("lossless-see-through.webp", see_through, lossless=True, exact=True)
    save("lossy.webp", image, WEBP, quality=90)
    save("420.jpg", image, JPEG, quality=92, subsampling="4:2:0")
    save("422.jpg", image, JPEG, quality=92, subsampling="4:2:2")
    save("444.jpg", image, JPEG, quality=92, subsampling="4:4:4")
    save("progressive.jpeg", image, JPEG, quality=92, progressive=True)
    save("grey.jpg", grey, JPEG, quality=92)
    save("cmyk.jpg", image.convert("CMYK"), JPEG, quality=92)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(f"exif-{orientation}.jpg", image, JPEG, quality=92, exif=exif)
    exif[0x0112] = 6
    save("exif-6.png", image, exif=exif)
    save("exif-6.webp", image, lossless=True, exif=exif)
    save("exif-6.tiff", image, exif=exif)
    return most


def seen(path: Path) -> bytes:
    """What the Perceiver image processor's Pillow form (transformers) sees of a file."""
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    width, height = image.size
    side = int((224 / 256) * min(height, width))
    left, top = (width - side) // 2, (height - side) // 2
    cropped = image.crop((left, top, left + side, top + side))
    return cropped.resize((SIZE, SIZE), Image.Resampling.BICUBIC).tobytes()


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    most = write()
    pictures = {name: [tolerance, seen(OUT / name).hex()] for name, tolerance in most.items()}
    # Pillow turns nearly all 16-bit greys white; the upper 8 bits are the picture.
    pictures["grey-16-bits.png"] = pictures["grey.png"]
    made_by = f"export/golden_pictures.py, Pillow {PIL.__version__}"
    text = json.dumps({"made_by": made_by, "size": SIZE, "pictures": pictures}, indent=1)
    (OUT / "golden.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
