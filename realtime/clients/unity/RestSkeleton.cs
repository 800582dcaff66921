// SPDX-License-Identifier: Apache-2.0
// Part of Sealcap. Plain C#: knows nothing of Unity.

using System;

namespace Sealcap
{
    /// <summary>
    /// An avatar at rest, in a T- or A-pose: what each bone is turned and where it begins, in the axes and units
    /// of the avatar's root. Rows as in <see cref="Skeleton.Bones"/>; rows of bones it lacks are not read.
    /// </summary>
    public sealed class RestSkeleton
    {
        private const float FarFromTPose = 0.5f; // cosine: 60 degrees
        public readonly bool[] Has = new bool[Skeleton.Bones.Length];
        public readonly Vec3[] Position = new Vec3[Skeleton.Bones.Length];
        public readonly Quat[] Rotation = new Quat[Skeleton.Bones.Length];
        /// <summary>Of whatever the bone hangs on, a human bone or not.</summary>
        public readonly Quat[] ParentRotation = new Quat[Skeleton.Bones.Length];

        /// <summary>The middle between the hip joints.</summary>
        public Vec3 Pelvis { get { return (At(Bone.LeftUpperLeg) + At(Bone.RightUpperLeg)) * 0.5f; } }

        /// <summary>The nearest bone above that the avatar has; -1 for the hips.</summary>
        public int ParentOf(int bone)
        {
            int parent = Skeleton.Parents[bone];
            while (parent >= 0 && !Has[parent])
                parent = Skeleton.Parents[parent];
            return parent;
        }

        /// <summary>What is wrong with it and how to mend that; null when it can be used.</summary>
        public string Problem()
        {
            foreach (Bone bone in new[] { Bone.Hips, Bone.LeftUpperLeg, Bone.RightUpperLeg })
                if (!Has[(int)bone])
                    return "The avatar has no bone " + bone + ": set its rig to Humanoid, with 'Optimize Game "
                        + "Objects' off.";
            return Pelvis.Y > 1e-3f ? null : "The avatar's legs are not above its root: stand it on its root's floor.";
        }

        /// <summary>What may look wrong, and why; null when nothing does.</summary>
        public string Doubt()
        {
            for (int i = 0; i < Limbs.Length; i++)
                if (HasDirection(i) && Vec3.Dot(Direction(i), LimbDirections[i]) < FarFromTPose)
                    return "The avatar's " + Skeleton.Bones[Limbs[i]] + " is far from a T-pose at the start. Begin "
                        + "in a T- or A-pose, or call CaptureRestPose() while it is in one.";
            return null;
        }

        /// <summary>
        /// The turn (in the root's axes) that brings each bone from this rest pose into the T-pose to which
        /// received rotations are relative: arms sideways, legs down, feet straight ahead. Where a limb has no
        /// direction of its own it goes with the bone above; trunk, collarbones and the feet's slope are as the
        /// avatar's maker wanted them.
        /// </summary>
        public Quat[] ToTPose()
        {
            Quat[] turn = new Quat[Skeleton.Bones.Length];
            foreach (int bone in Skeleton.Order)
            {
                int parent = ParentOf(bone);
                turn[bone] = parent < 0 ? Quat.Identity : turn[parent];
                int limb = Array.IndexOf(Limbs, bone);
                if (limb >= 0 && HasDirection(limb))
                    turn[bone] = Quat.FromTo(turn[bone].Rotate(Direction(limb)), LimbDirections[limb]) * turn[bone];
                if (IsFoot(bone) && Has[bone])
                    turn[bone] = Straighten(bone, bone + (Bone.LeftToes - Bone.LeftFoot));
            }
            return turn;
        }

        private static readonly int[] Limbs = // upper, lower, end
        {
            (int)Bone.LeftUpperArm, (int)Bone.LeftLowerArm, (int)Bone.LeftHand,
            (int)Bone.RightUpperArm, (int)Bone.RightLowerArm, (int)Bone.RightHand,
            (int)Bone.LeftUpperLeg, (int)Bone.LeftLowerLeg, (int)Bone.LeftFoot,
            (int)Bone.RightUpperLeg, (int)Bone.RightLowerLeg, (int)Bone.RightFoot,
        };
        private static readonly Vec3[] LimbDirections = Array.ConvertAll(Limbs, LimbDirection);

        private static Vec3 LimbDirection(int bone)
        {
            string name = Skeleton.Bones[bone];
            bool arm = name.EndsWith("Arm") || name.EndsWith("Hand");
            float side = name.StartsWith("Left") ? -1f : 1f; // Unity's +X is the right of who faces +Z
            return arm ? new Vec3(side, 0f, 0f) : new Vec3(0f, -1f, 0f);
        }

        private static bool IsFoot(int bone) { return bone == (int)Bone.LeftFoot || bone == (int)Bone.RightFoot; }

        private Vec3 At(Bone bone) { return Position[(int)bone]; }

        /// <summary>The last of a limb's three has none.</summary>
        private bool HasDirection(int limb) { return limb % 3 < 2 && Has[Limbs[limb]] && Has[Limbs[limb + 1]]; }

        private Vec3 Direction(int limb) { return (Position[Limbs[limb + 1]] - Position[Limbs[limb]]).Normalized; }

        /// <summary>About the vertical, so that the toes point straight ahead.</summary>
        private Quat Straighten(int foot, int toes)
        {
            Vec3 ahead = Position[toes] - Position[foot];
            ahead.Y = 0f;
            if (!Has[toes] || ahead.Length < 1e-4f || ahead.Z <= 0f)
                return Quat.Identity;
            return Quat.FromTo(ahead, new Vec3(0f, 0f, 1f));
        }
    }
}
