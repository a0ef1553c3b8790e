"""Model folders in Hugging Face's layout: config.json and model.safetensors, read and written without transformers."""
import json
import pathlib
import shutil

import numpy
import torch

TYPES = {"F32": torch.float32, "BF16": torch.bfloat16, "I32": torch.int32, "I64": torch.int64}


def read_safetensors(path):
    """All tensors of a file, by name."""
    data = pathlib.Path(path).read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    body = bytearray(data[8 + size:])
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        tensors[name] = torch.frombuffer(body[first:last], dtype=TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def write_safetensors(path, tensors):
    """Writes tensors, sorted by name. The format: https://huggingface.co/docs/safetensors."""
    header, parts, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name, tensor in sorted(tensors.items()):
        tensor = tensor.detach().cpu().contiguous()
        part = tensor.flatten().view(torch.uint8 if tensor.dim() else tensor.dtype).numpy().tobytes()
        kind = next(key for key, value in TYPES.items() if value == tensor.dtype)
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [offset, offset + len(part)]}
        parts.append(part)
        offset += len(part)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for part in parts:
            file.write(part)


def read_config(folder):
    return json.loads((pathlib.Path(folder) / "config.json").read_text())


def save(folder, config, model, tokenizer=None):
    """Writes the model in bfloat16, with a copy of the tokenizer."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}, indent=2, sort_keys=True) + "\n")
    write_safetensors(folder / "model.safetensors", {name: tensor.detach().to(torch.bfloat16)
                                                     for name, tensor in model.state_dict().items()})
    if tokenizer:
        shutil.copy(tokenizer, folder)


def load(folder):
    """The configuration and the model of a folder, in float32."""
    from hybrids import make_model

    config = read_config(folder)
    model = make_model(config)
    model.load_state_dict(read_safetensors(pathlib.Path(folder) / "model.safetensors"))
    return config, model
