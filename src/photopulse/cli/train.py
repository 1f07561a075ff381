"""`photopulse train`: folders of pictures in, the weights of a network out."""

import typer

from photopulse.cli.train_fsrnet import train_fsrgan_command, train_fsrnet_command
from photopulse.cli.train_generator import train_generator_command
from photopulse.cli.train_restoration import (
    train_damage_mask_command,
    train_enlarge_command,
    train_face_command,
    train_full_size_command,
    train_inpaint_command,
    train_photo_command,
)

app = typer.Typer(
    no_args_is_help=True,
    help="Trains the networks of `restore`, those that are compared with PULSE, and generators of your own pictures.",
)
app.command("photo")(train_photo_command)
app.command("full-size")(train_full_size_command)
app.command("enlarge")(train_enlarge_command)
app.command("damage-mask")(train_damage_mask_command)
app.command("inpaint")(train_inpaint_command)
app.command("face")(train_face_command)
app.command("fsrnet")(train_fsrnet_command)
app.command("fsrgan")(train_fsrgan_command)
app.command("generator")(train_generator_command)
