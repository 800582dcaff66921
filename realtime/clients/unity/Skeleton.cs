// SPDX-License-Identifier: Apache-2.0
// Part of Sealcap. Plain C#: knows nothing of Unity.

using System;

namespace Sealcap
{
    /// <summary>Numbers of the bones used by name here; those of Unity's HumanBodyBones.</summary>
    public enum Bone
    {
        Hips = 0, LeftUpperLeg = 1, RightUpperLeg = 2, LeftLowerLeg = 3, RightLowerLeg = 4,
        LeftFoot = 5, RightFoot = 6, LeftUpperArm = 13, RightUpperArm = 14, LeftLowerArm = 15,
        RightLowerArm = 16, LeftHand = 17, RightHand = 18, LeftToes = 19, RightToes = 20,
    }

    /// <summary>Names and parents of Unity's human bones, and names of Sealcap's joints.</summary>
    public static class Skeleton
    {
        /// <summary>In the order of Unity's HumanBodyBones, so that a number can be cast to it.</summary>
        public static readonly string[] Bones =
        {
            "Hips", "LeftUpperLeg", "RightUpperLeg", "LeftLowerLeg", "RightLowerLeg", "LeftFoot", "RightFoot",
            "Spine", "Chest", "Neck", "Head", "LeftShoulder", "RightShoulder", "LeftUpperArm", "RightUpperArm",
            "LeftLowerArm", "RightLowerArm", "LeftHand", "RightHand", "LeftToes", "RightToes", "LeftEye",
            "RightEye", "Jaw",
            "LeftThumbProximal", "LeftThumbIntermediate", "LeftThumbDistal",
            "LeftIndexProximal", "LeftIndexIntermediate", "LeftIndexDistal",
            "LeftMiddleProximal", "LeftMiddleIntermediate", "LeftMiddleDistal",
            "LeftRingProximal", "LeftRingIntermediate", "LeftRingDistal",
            "LeftLittleProximal", "LeftLittleIntermediate", "LeftLittleDistal",
            "RightThumbProximal", "RightThumbIntermediate", "RightThumbDistal",
            "RightIndexProximal", "RightIndexIntermediate", "RightIndexDistal",
            "RightMiddleProximal", "RightMiddleIntermediate", "RightMiddleDistal",
            "RightRingProximal", "RightRingIntermediate", "RightRingDistal",
            "RightLittleProximal", "RightLittleIntermediate", "RightLittleDistal",
            "UpperChest",
        };

        /// <summary>The joints of /mocap/v1/joint.</summary>
        public static readonly string[] Joints =
        {
            "pelvis", "spine", "chest", "neck", "head", "nose", "left_eye", "right_eye", "left_ear", "right_ear",
            "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
            "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel",
            "right_heel", "left_toe", "right_toe",
        };

        /// <summary>Parent of each bone when a body has all of them; -1 for the hips.</summary>
        public static readonly int[] Parents = new int[Bones.Length];

        /// <summary>All bones, parents before children.</summary>
        public static readonly int[] Order = new int[Bones.Length];

        /// <summary>The bones that Sealcap sends.</summary>
        public static readonly ulong SentBones = Mask(
            "Hips", "Spine", "Chest", "Neck", "Head", "LeftShoulder", "LeftUpperArm", "LeftLowerArm", "LeftHand",
            "LeftUpperLeg", "LeftLowerLeg", "LeftFoot", "LeftToes", "RightShoulder", "RightUpperArm",
            "RightLowerArm", "RightHand", "RightUpperLeg", "RightLowerLeg", "RightFoot", "RightToes");

        internal static readonly byte[][] BoneTexts = Array.ConvertAll(Bones, OscMessage.Text);
        internal static readonly byte[][] JointTexts = Array.ConvertAll(Joints, OscMessage.Text);

        static Skeleton()
        {
            int[] depth = new int[Bones.Length];
            for (int i = 0; i < Bones.Length; i++)
                Parents[i] = Array.IndexOf(Bones, ParentName(Bones[i]));
            for (int i = 0; i < Bones.Length; i++)
            {
                Order[i] = i;
                for (int above = Parents[i]; above >= 0; above = Parents[above])
                    depth[i]++;
            }
            Array.Sort(depth, Order);
        }

        private static ulong Mask(params string[] names)
        {
            ulong mask = 0;
            foreach (string name in names)
                mask |= 1UL << Array.IndexOf(Bones, name);
            return mask;
        }

        private static string ParentName(string bone)
        {
            string side = bone.StartsWith("Left") ? "Left" : bone.StartsWith("Right") ? "Right" : "";
            string part = bone.Substring(side.Length);
            switch (part)
            {
                case "Hips": return "";
                case "Spine": case "UpperLeg": return "Hips";
                case "Chest": return "Spine";
                case "UpperChest": return "Chest";
                case "Neck": case "Shoulder": return "UpperChest";
                case "Head": return "Neck";
                case "Eye": case "Jaw": return "Head";
                case "UpperArm": return side + "Shoulder";
                case "LowerArm": return side + "UpperArm";
                case "Hand": return side + "LowerArm";
                case "LowerLeg": return side + "UpperLeg";
                case "Foot": return side + "LowerLeg";
                case "Toes": return side + "Foot";
            }
            if (part.EndsWith("Distal"))
                return side + part.Replace("Distal", "Intermediate");
            return part.EndsWith("Intermediate") ? side + part.Replace("Intermediate", "Proximal") : side + "Hand";
        }
    }
}
